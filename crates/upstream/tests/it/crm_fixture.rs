use serde_json::{Value, json};
use vigie_upstream::crm::{CrmClient, CrmConfig, FicheOptions, MailDevis};
use vigie_upstream::recording::enrich;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The contract's own example: nothing of it may be lost or changed.
#[tokio::test]
async fn the_full_example_passes_unharmed() {
    let example: Value = serde_json::from_str(include_str!("../fixtures/fiche.json")).unwrap();
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(&example))
        .mount(&server)
        .await;
    let crm = CrmClient::new(CrmConfig::new(server.uri())).unwrap();
    let options = FicheOptions {
        include_mail_devis: true,
        ..FicheOptions::default()
    };
    let fiche = crm.fiche("2104417", options).await.unwrap();

    assert_eq!(fiche.message, example["message"]);
    assert_eq!(json!(fiche.information), example["information"]);
    assert_eq!(json!(fiche.prospect), example["prospect"]);
    assert_eq!(
        fiche.mail_devis,
        MailDevis::Present(example["mail_devis"].clone())
    );
    assert_eq!(fiche.sections.len(), 12);
    for (name, section) in &fiche.sections {
        assert_eq!(section, &example[name], "{name}");
    }
    assert!(fiche.with_recordings && fiche.quarantined.is_empty());
    let recordings: Vec<_> = fiche.recordings.iter().map(enrich).collect();
    assert_eq!(recordings.len(), 2);
    for recording in recordings {
        assert!(!recording.clock_mismatch);
        assert_eq!(recording.parsed.unwrap().uuid.len(), 36);
    }
}
