use std::time::Duration;

use rstest::rstest;
use secrecy::SecretString;
use serde_json::json;
use vigie_upstream::speech::{
    Audio, AudioSource, ElevenLabsConfig, OpenAiSpeechConfig, SpeechClient, SpeechConfig,
    SpeechError, SpeechErrorClass, SpeechProvider,
};
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn audio() -> Audio {
    Audio {
        source: AudioSource::Bytes("AUDIOBYTES".into()),
        content_type: "audio/wav".into(),
        file_name: "audio.mp3".into(),
    }
}

fn key(key: &str) -> SecretString {
    SecretString::from(key.to_owned())
}

fn elevenlabs(server: &MockServer) -> SpeechClient {
    let provider = SpeechProvider::ElevenLabs(ElevenLabsConfig {
        base_url: server.uri(),
        api_key: Some(key(" 'xi-very-secret' ")),
        ..ElevenLabsConfig::default()
    });
    SpeechClient::new(SpeechConfig {
        timeout: Duration::from_secs(10),
        ..SpeechConfig::new(provider)
    })
    .unwrap()
}

#[tokio::test]
async fn elevenlabs_gets_its_form_from_memory_and_from_disk() {
    let server = MockServer::start().await;
    let body = json!({"transcription_id": "stt_7Q", "language_code": "fra", "text": "Allô",
        "words": [{"text": "Allô", "start": 1.2, "end": 1.5, "type": "word", "speaker_id": "speaker_1"}]});
    Mock::given(path("/v1/speech-to-text"))
        .and(header("xi-api-key", "xi-very-secret"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(body)
                .insert_header("request-id", "req_1"),
        )
        .expect(2)
        .mount(&server)
        .await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "AUDIOBYTES").unwrap();
    let on_disk = Audio {
        source: AudioSource::File(file.path().to_owned()),
        ..audio()
    };
    for audio in [audio(), on_disk] {
        let transcript = elevenlabs(&server).transcribe(&audio).await.unwrap();
        assert_eq!(transcript.provider_id.as_deref(), Some("stt_7Q"));
        assert_eq!(transcript.request_id.as_deref(), Some("req_1"));
        assert_eq!(transcript.words.len(), 1);
    }
    for sent in server.received_requests().await.unwrap() {
        let form = String::from_utf8_lossy(&sent.body).into_owned();
        for part in [
            "name=\"model_id\"\r\n\r\nscribe_v2\r\n",
            "name=\"language_code\"\r\n\r\nfra\r\n",
            "name=\"timestamps_granularity\"\r\n\r\nword\r\n",
            "name=\"diarize\"\r\n\r\ntrue\r\n",
            "name=\"file\"; filename=\"audio.mp3\"\r\nContent-Type: audio/wav\r\n\r\nAUDIOBYTES\r\n",
        ] {
            assert!(form.contains(part), "{part:?} in {form}");
        }
        assert!(sent.headers.contains_key("content-length"));
    }
}

#[tokio::test]
async fn an_openai_endpoint_gets_its_form() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/audio/transcriptions"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"text": "Oui",
            "language": "french", "words": [{"word": "Oui", "start": 0, "end": 1}]})),
        )
        .mount(&server)
        .await;
    let config = OpenAiSpeechConfig::new(format!("{}/v1/", server.uri()));
    let speech = SpeechClient::new(SpeechConfig::new(SpeechProvider::OpenAi(config))).unwrap();
    assert!(speech.is_configured(), "keyless endpoints exist");
    let transcript = speech.transcribe(&audio()).await.unwrap();
    assert_eq!(
        (transcript.text.as_str(), transcript.words.len()),
        ("Oui", 1)
    );
    let sent = &server.received_requests().await.unwrap()[0];
    let form = String::from_utf8_lossy(&sent.body).into_owned();
    for part in [
        "name=\"model\"\r\n\r\nwhisper-1\r\n",
        "name=\"language\"\r\n\r\nfr\r\n",
        "name=\"response_format\"\r\n\r\nverbose_json\r\n",
        "name=\"timestamp_granularities[]\"\r\n\r\nword\r\n",
    ] {
        assert!(form.contains(part), "{part:?} in {form}");
    }
}

#[rstest]
#[case(401, "invalid_api_key", SpeechErrorClass::Key)]
#[case(401, "quota_exceeded", SpeechErrorClass::Quota)]
#[case(422, "invalid_parameters", SpeechErrorClass::Permanent)]
#[case(429, "rate_limit_exceeded", SpeechErrorClass::Retryable)]
#[case(500, "internal", SpeechErrorClass::Retryable)]
#[tokio::test]
async fn one_attempt_and_a_class(
    #[case] status: u16,
    #[case] code: &str,
    #[case] class: SpeechErrorClass,
) {
    let server = MockServer::start().await;
    let message = "bad key xi-very-secret";
    let template = ResponseTemplate::new(status)
        .insert_header("retry-after", "7")
        .set_body_json(
            json!({"detail": {"status": code, "message": message, "request_id": "req_2"}}),
        );
    Mock::given(path("/v1/speech-to-text"))
        .respond_with(template)
        .expect(1)
        .mount(&server)
        .await;
    let error = elevenlabs(&server).transcribe(&audio()).await.unwrap_err();
    assert_eq!((error.class(), error.status()), (class, Some(status)));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(
        error.failure().unwrap().request_id.as_deref(),
        Some("req_2")
    );
    assert!(!format!("{error:?} {error}").contains("xi-very-secret"));
}

#[tokio::test]
async fn a_success_that_is_none_is_told_apart() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/speech-to-text"))
        .respond_with(ResponseTemplate::new(200).set_body_string("[]"))
        .mount(&server)
        .await;
    let error = elevenlabs(&server).transcribe(&audio()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ElevenLabs response invalid (expected JSON object)"
    );
}

#[tokio::test]
async fn without_key_nothing_is_sent() {
    let speech = SpeechClient::new(SpeechConfig::new(SpeechProvider::ElevenLabs(
        ElevenLabsConfig {
            api_key: Some(key("\"\"")),
            ..ElevenLabsConfig::default()
        },
    )))
    .unwrap();
    assert_eq!(
        speech.transcribe(&audio()).await.unwrap_err(),
        SpeechError::NotConfigured
    );
}

#[tokio::test]
async fn a_closed_port_is_retryable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let config = OpenAiSpeechConfig::new(format!("http://{address}"));
    let speech = SpeechClient::new(SpeechConfig::new(SpeechProvider::OpenAi(config))).unwrap();
    let error = speech.transcribe(&audio()).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        "OpenAI speech-to-text failed code=ECONNREFUSED"
    );
}
