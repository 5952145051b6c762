use serde_json::{Value, json};

use super::super::seed::{ADVISERS, Adviser, Depth, Fiche, GROUPS, Group};
use super::{after, day, recordings};
use crate::crm::seed;

/// G1: the sales list.
pub(in super::super) fn sales_list(fiches: &[Fiche], origin: Option<&str>) -> Value {
    let rows: Vec<Value> = fiches.iter().map(|fiche| row(fiche, origin)).collect();
    json!({ "fiches": rows, "total": fiches.len() })
}

fn row(fiche: &Fiche, origin: Option<&str>) -> Value {
    let client = &fiche.client;
    // The CRM writes dates as its screens were written over the years.
    let date_insertion = match fiche.place % seed::PER_DAY {
        4 => day(fiche.inserted.date()),
        7 => fiche.inserted.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        _ => after(fiche, 0),
    };
    let mut row = json!({
        "id": fiche.id.to_string(),
        "cle": super::information::key(fiche),
        "nom": client.nom,
        "prenom": client.prenom,
        "telephone": fiche.telephone,
        "telephone_2": null,
        "email": if fiche.depth == Depth::Bare { String::new() } else { client.mail() },
        "statut": "Vente",
        "date_insertion": date_insertion,
        "date_modification": (fiche.depth != Depth::Bare).then(|| after(fiche, 96)),
    });
    if let Some(origin) = origin {
        row["recordings"] = json!(recordings::section(fiche, origin));
    }
    row
}

fn envelope(data: &Value) -> Value {
    json!({
        "success": true,
        "message": "ok",
        "data": data,
        "timestamp": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    })
}

/// G3: the users.
pub(in super::super) fn users() -> Value {
    let users: Vec<Value> = ADVISERS.iter().map(user).collect();
    envelope(&json!({ "total_count": users.len(), "utilisateurs": users }))
}

fn user(user: &Adviser) -> Value {
    if !user.actif {
        // Who left keeps a name only.
        return json!({ "id": user.id, "nom": user.nom, "prenom": user.prenom, "actif": false });
    }
    let group = user.group();
    let login: String = user
        .email
        .split('@')
        .next()
        .unwrap_or_default()
        .replace('.', "");
    json!({
        "id": user.id,
        "nom": user.nom,
        "prenom": user.prenom,
        "telephone": group.telephone,
        "email": user.email,
        "login": login,
        "agence": group.agence,
        "agence_id": group.agence_id,
        "role": user.role,
        "role_id": if user.role == "Conseiller" { "4" } else { "2" },
        "etat": "actif",
        "actif": true,
        "tv": false,
        "se": user.role == "Conseiller",
    })
}

/// G4: the groups.
pub(in super::super) fn groups(include_users: bool) -> Value {
    let groups: Vec<Value> = GROUPS.iter().map(|one| group(one, include_users)).collect();
    envelope(&json!({ "total_count": groups.len(), "groupes": groups }))
}

fn group(group: &'static Group, include_users: bool) -> Value {
    let user_ids: Vec<&str> = group.members().map(|user| user.id).collect();
    let mut answer = json!({
        "id": group.id,
        "nom": group.nom,
        "membres_count": user_ids.len(),
        "responsable_1": group.responsable,
        "responsable_2": null,
        "responsable_3": null,
    });
    if include_users {
        answer["user_ids"] = json!(user_ids);
    }
    answer
}
