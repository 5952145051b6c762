/// Who buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Work, also past.
    pub profession: &'static str,
    /// Husband or wife, if any: first name, birth date.
    pub conjoint: Option<[&'static str; 2]>,
    /// First names and birth dates.
    pub enfants: &'static [[&'static str; 2]],
    /// Former insurer and monthly price.
    pub ancien: [&'static str; 2],
    /// First day with the former insurer.
    pub ancien_depuis: &'static str,
}

impl Client {
    /// `perrine.vasseur@example.test`.
    pub fn mail(&self) -> String {
        let plain = |name: &str| {
            name.to_lowercase()
                .replace(['é', 'è', 'ë', 'ê'], "e")
                .replace('ç', "c")
        };
        format!("{}.{}@example.test", plain(self.prenom), plain(self.nom))
    }
}

/// What is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Insurer.
    pub groupe: &'static str,
    /// Range.
    pub gamme: &'static str,
    /// Level within the range.
    pub formule: &'static str,
    /// Monthly price with a comma.
    pub prix: &'static str,
    /// Kind of client it is meant for.
    pub type_client: &'static str,
}

const fn borea(
    gamme: &'static str,
    formule: &'static str,
    prix: &'static str,
    type_client: &'static str,
) -> Product {
    Product {
        groupe: "Boréa",
        gamme,
        formule,
        prix,
        type_client,
    }
}

/// The products on sale; the first five are those offered in the main calls, in their order.
pub(super) const PRODUCTS: &[Product] = &[
    borea("Sérénis 3", "CONFORT", "156,80", "Senior"),
    borea("Ligne Claire", "ESSENTIEL PLUS", "66,40", "TNS"),
    borea("Sérénis 3", "ÉQUILIBRE", "84,10", "Senior"),
    borea("Horizon Plus", "PRESTIGE", "89,00", "Salarié"),
    borea("Sérénis 3", "SENIOR CONFORT", "118,00", "Senior"),
];

const NOBODY: Client = Client {
    nom: "",
    prenom: "",
    madame: false,
    naissance: "01/01/1960",
    ville: ["59000", "LILLE"],
    profession: "Retraité",
    conjoint: None,
    enfants: &[],
    ancien: ["Ancienne Mutuelle", "71.20"],
    ancien_depuis: "01/02/2021",
};

/// The clients; the first five are those heard in the main calls, as they speak of themselves.
pub(super) const CLIENTS: &[Client] = &[
    Client {
        nom: "VASSEUR",
        prenom: "Perrine",
        madame: true,
        naissance: "09/03/1958",
        profession: "Retraitée, comptable",
        conjoint: Some(["Lucien", "21/11/1955"]),
        enfants: &[["Noé", "02/06/1984"]],
        ancien: ["Mutuelle des Tilleuls", "178.40"],
        ..NOBODY
    },
    Client {
        nom: "CARTIER",
        prenom: "Thibaud",
        naissance: "17/06/1991",
        ville: ["44000", "NANTES"],
        profession: "Paysagiste",
        ancien: ["Alizé Mutuelle", "62.00"],
        ancien_depuis: "01/06/2024",
        ..NOBODY
    },
    Client {
        nom: "FOURNEL",
        prenom: "Josiane",
        madame: true,
        naissance: "30/09/1951",
        ville: ["69003", "LYON"],
        profession: "Retraitée",
        ancien: ["Mutuelle du Val", "92.00"],
        ancien_depuis: "01/01/2019",
        ..NOBODY
    },
    Client {
        nom: "LEBRUN",
        prenom: "Didier",
        naissance: "05/12/1966",
        ville: ["35000", "RENNES"],
        profession: "Artisan",
        conjoint: Some(["Sandrine", "12/08/1968"]),
        ancien: ["Mutuelle des Tilleuls", "110.00"],
        ancien_depuis: "01/01/2016",
        ..NOBODY
    },
    Client {
        nom: "KELLER",
        prenom: "Aurélie",
        madame: true,
        naissance: "22/01/1986",
        ville: ["69100", "VILLEURBANNE"],
        profession: "Sans emploi",
        conjoint: Some(["Mathias", "14/07/1985"]),
        enfants: &[["Lina", "03/05/2011"], ["Tom", "19/10/2016"]],
        ancien: ["Alizé Mutuelle", "102.00"],
        ancien_depuis: "01/05/2025",
    },
    Client {
        nom: "VASSEUR",
        prenom: "Lucien",
        naissance: "21/11/1955",
        profession: "Retraité, menuisier",
        conjoint: Some(["Perrine", "09/03/1958"]),
        enfants: &[["Noé", "02/06/1984"]],
        ancien: ["Mutuelle des Tilleuls", "178.40"],
        ..NOBODY
    },
    Client {
        nom: "DELATTRE",
        prenom: "Simone",
        madame: true,
        naissance: "11/04/1957",
        ville: ["62000", "ARRAS"],
        ..NOBODY
    },
    Client {
        nom: "BESSON",
        prenom: "Alain",
        naissance: "08/08/1956",
        ville: ["01000", "BOURG-EN-BRESSE"],
        ..NOBODY
    },
    Client {
        nom: "MICHAUD",
        prenom: "Colette",
        madame: true,
        naissance: "13/02/1960",
        ville: ["38000", "GRENOBLE"],
        ..NOBODY
    },
    Client {
        nom: "COLLET",
        prenom: "Martine",
        madame: true,
        naissance: "19/10/1959",
        ville: ["80000", "AMIENS"],
        conjoint: Some(["Roger", "03/03/1957"]),
        ..NOBODY
    },
    Client {
        nom: "ROLLAND",
        prenom: "Patrick",
        naissance: "28/07/1958",
        ville: ["56000", "VANNES"],
        ..NOBODY
    },
];
