/// A user of the CRM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adviser {
    /// User id in the CRM.
    pub id: &'static str,
    /// Family name.
    pub nom: &'static str,
    /// First name.
    pub prenom: &'static str,
    /// Mail address.
    pub email: &'static str,
    /// Team, as fiches name it.
    pub groupe: &'static str,
    /// Role: `Conseiller` or `Responsable`.
    pub role: &'static str,
    /// Has left when `false`.
    pub actif: bool,
}

impl Adviser {
    /// First name, then family name.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.prenom, self.nom)
    }

    /// The group this user belongs to.
    pub fn group(&self) -> &'static Group {
        GROUPS
            .iter()
            .find(|group| group.nom == self.groupe)
            .unwrap_or(&GROUPS[0])
    }
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Group id in the CRM.
    pub id: &'static str,
    /// Name, as fiches give it.
    pub nom: &'static str,
    /// Who leads it.
    pub responsable: &'static str,
    /// Agency id.
    pub agence_id: &'static str,
    /// Agency name.
    pub agence: &'static str,
    /// Agency's telephone, national form.
    pub telephone: &'static str,
    /// Agency's address.
    pub adresse: &'static str,
}

impl Group {
    /// The users in it.
    pub fn members(&self) -> impl Iterator<Item = &'static Adviser> + use<> {
        let nom = self.nom;
        ADVISERS.iter().filter(move |adviser| adviser.groupe == nom)
    }
}

/// The teams.
pub const GROUPS: &[Group] = &[
    Group {
        id: "31",
        nom: "EQUIPE NORD",
        responsable: "Carla ROUX",
        agence_id: "19",
        agence: "Agence Nord",
        telephone: "0199001234",
        adresse: "2 place Fictive, 59000 LILLE",
    },
    Group {
        id: "42",
        nom: "EQUIPE OUEST",
        responsable: "Gwenaël PRIGENT",
        agence_id: "24",
        agence: "Agence Ouest",
        telephone: "0199002345",
        adresse: "11 quai Imaginaire, 44000 NANTES",
    },
    Group {
        id: "51",
        nom: "EQUIPE LYON",
        responsable: "Samia HADDAD",
        agence_id: "33",
        agence: "Agence Lyon",
        telephone: "0199003456",
        adresse: "5 montée Inventée, 69001 LYON",
    },
];

const fn user(
    id: &'static str,
    [prenom, nom]: [&'static str; 2],
    email: &'static str,
    groupe: &'static str,
    role: &'static str,
) -> Adviser {
    Adviser {
        id,
        nom,
        prenom,
        email,
        groupe,
        role,
        actif: true,
    }
}

/// The users. Those heard in calls go by the names they give there.
pub const ADVISERS: &[Adviser] = &[
    user(
        "107",
        ["Hugo", "MARCHAND"],
        "h.marchand@example.test",
        "EQUIPE NORD",
        "Conseiller",
    ),
    user(
        "205",
        ["Solène", "AUBRY"],
        "s.aubry@example.test",
        "EQUIPE OUEST",
        "Conseiller",
    ),
    user(
        "745",
        ["Karim", "DELAUNAY"],
        "k.delaunay@example.test",
        "EQUIPE LYON",
        "Conseiller",
    ),
    user(
        "209",
        ["Yanis", "CORBEL"],
        "y.corbel@example.test",
        "EQUIPE OUEST",
        "Conseiller",
    ),
    user(
        "748",
        ["Émilie", "ROUSSIN"],
        "e.roussin@example.test",
        "EQUIPE LYON",
        "Conseiller",
    ),
    user(
        "112",
        ["Basile", "LENOIR"],
        "b.lenoir@example.test",
        "EQUIPE NORD",
        "Conseiller",
    ),
    user(
        "731",
        ["Claire", "MOREL"],
        "claire.morel@demo.test",
        "EQUIPE LYON",
        "Conseiller",
    ),
    user(
        "742",
        ["Yanis", "ROUX"],
        "yanis.roux@demo.test",
        "EQUIPE LYON",
        "Conseiller",
    ),
    user(
        "101",
        ["Carla", "ROUX"],
        "c.roux@example.test",
        "EQUIPE NORD",
        "Responsable",
    ),
    Adviser {
        actif: false,
        ..user(
            "299",
            ["Loïc", "KERVELLA"],
            "",
            "EQUIPE OUEST",
            "Conseiller",
        )
    },
];
