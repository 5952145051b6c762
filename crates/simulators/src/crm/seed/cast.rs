use super::scatter;

/// Who buys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Family name.
    pub nom: &'static str,
    /// First name.
    pub prenom: &'static str,
    /// `Madame`, else `Monsieur`.
    pub madame: bool,
    /// Birth date as displayed.
    pub naissance: &'static str,
    /// Post code and town.
    pub ville: [&'static str; 2],
    /// Husband or wife, if any.
    pub conjoint: Option<Partner>,
    /// Telephone, national form.
    pub telephone: String,
}

/// Husband or wife of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partner {
    /// First name.
    pub prenom: &'static str,
    /// Birth date as displayed.
    pub naissance: &'static str,
}

impl Client {
    /// `odile.martel@example.test`.
    pub fn mail(&self) -> String {
        let plain = |name: &str| {
            name.to_lowercase()
                .replace(['é', 'è', 'ë', 'ê'], "e")
                .replace(['ï', 'î'], "i")
                .replace('ô', "o")
                .replace('ç', "c")
                .replace([' ', '\''], "")
        };
        format!("{}.{}@example.test", plain(self.prenom), plain(self.nom))
    }
}

/// What is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Insurer.
    pub groupe: &'static str,
    /// Range.
    pub gamme: &'static str,
    /// Level within the range.
    pub formule: &'static str,
    /// Monthly price with a comma.
    pub prix: &'static str,
    /// Prefix of contract numbers.
    pub prefixe: &'static str,
}

/// The products on sale.
pub(super) const PRODUCTS: &[Product] = &[
    Product {
        groupe: "Boréa",
        gamme: "Sérénis 3",
        formule: "CONFORT",
        prix: "84,10",
        prefixe: "BOR",
    },
    Product {
        groupe: "Boréa",
        gamme: "Sérénis 3",
        formule: "ECO",
        prix: "62,40",
        prefixe: "BOR",
    },
    Product {
        groupe: "Mutuelle Alizé",
        gamme: "Équilibre Senior",
        formule: "PREMIUM",
        prix: "119,90",
        prefixe: "ALZ",
    },
];

/// A client but for the telephone number, which is the fiche's own.
pub(super) type Person = (
    &'static str,
    &'static str,
    bool,
    &'static str,
    [&'static str; 2],
    Option<(&'static str, &'static str)>,
);

/// The first six are those heard in the main calls.
pub(super) const PEOPLE: &[Person] = &[
    (
        "MARTEL",
        "Odile",
        true,
        "09/03/1958",
        ["59000", "LILLE"],
        Some(("Jules", "21/11/1955")),
    ),
    (
        "GARNIER",
        "Michel",
        false,
        "17/06/1954",
        ["44000", "NANTES"],
        Some(("Anne", "02/02/1956")),
    ),
    (
        "PERRIN",
        "Josiane",
        true,
        "30/09/1961",
        ["69003", "LYON"],
        None,
    ),
    (
        "LEBRETON",
        "Yvonne",
        true,
        "05/12/1949",
        ["35000", "RENNES"],
        None,
    ),
    (
        "FAURE",
        "Gérard",
        false,
        "22/01/1952",
        ["69100", "VILLEURBANNE"],
        Some(("Denise", "14/07/1953")),
    ),
    (
        "DELATTRE",
        "Simone",
        true,
        "11/04/1957",
        ["62000", "ARRAS"],
        None,
    ),
    (
        "BESSON",
        "Alain",
        false,
        "08/08/1956",
        ["01000", "BOURG-EN-BRESSE"],
        None,
    ),
    (
        "COLLET",
        "Martine",
        true,
        "19/10/1959",
        ["80000", "AMIENS"],
        Some(("Roger", "03/03/1957")),
    ),
    (
        "NOËL",
        "Françoise",
        true,
        "25/12/1955",
        ["29200", "BREST"],
        None,
    ),
    (
        "VASSEUR",
        "Bernard",
        false,
        "01/05/1953",
        ["59140", "DUNKERQUE"],
        Some(("Éliane", "16/09/1954")),
    ),
    (
        "MICHAUD",
        "Colette",
        true,
        "13/02/1960",
        ["38000", "GRENOBLE"],
        None,
    ),
    (
        "ROLLAND",
        "Patrick",
        false,
        "28/07/1958",
        ["56000", "VANNES"],
        Some(("Sylvie", "20/06/1960")),
    ),
];

pub(super) fn client(id: u64, (nom, prenom, madame, naissance, ville, conjoint): Person) -> Client {
    Client {
        nom,
        prenom,
        madame,
        naissance,
        ville,
        conjoint: conjoint.map(|(prenom, naissance)| Partner { prenom, naissance }),
        // 06 39 98 xx xx is set aside for fiction.
        telephone: format!("063998{:04}", scatter(id) % 10_000),
    }
}
