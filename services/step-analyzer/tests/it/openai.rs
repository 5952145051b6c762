use crate::model::Model;
use crate::support::{config, transcript};
use anyhow::Result;
use serde_json::json;
use vigie_scorecard::{MinQuoteChars, NormalizedTimeline};
use vigie_step_analyzer::domain::judgement::JudgeError;

#[tokio::test]
async fn the_models_quotes_stand_in_the_transcript() -> Result<()> {
    let model = Model::start().await?;
    let judgement = model.judge().await?;
    let timeline = NormalizedTimeline::new(transcript("vente-conforme").timeline);
    let points = &judgement.result.points_controle;
    assert_eq!(points.len(), config().steps[0].control_points.len());
    let quotes: Vec<_> = points.iter().flat_map(|point| &point.citations).collect();
    assert!(!quotes.is_empty());
    assert!(
        quotes
            .iter()
            .all(|quote| timeline.confirms(quote, MinQuoteChars::DEFAULT))
    );
    assert_eq!(judgement.calls.len(), 1);
    assert!(judgement.calls[0].ok && judgement.calls[0].prompt_tokens > 0);
    Ok(())
}

#[tokio::test]
async fn an_answer_of_the_wrong_shape_is_asked_for_once_more() -> Result<()> {
    let model = Model::start().await?;
    model
        .fault(json!({"path": "*", "kind": "schema_violation", "count": 1}))
        .await?;
    let judgement = model.judge().await?;
    let outcomes: Vec<_> = judgement.calls.iter().map(|call| call.ok).collect();
    assert_eq!(outcomes, [false, true]);
    Ok(())
}

#[tokio::test]
async fn a_model_that_keeps_breaking_the_schema_fails_the_step() -> Result<()> {
    let model = Model::start().await?;
    model
        .fault(json!({"path": "*", "kind": "schema_violation"}))
        .await?;
    let Err(JudgeError::Failed { calls, .. }) = model.judge().await else {
        panic!("the answer broke the schema");
    };
    assert_eq!(calls.len(), 2);
    assert_eq!(model.calls().await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_provider_that_asks_for_patience_defers_the_step() -> Result<()> {
    let model = Model::start().await?;
    let busy = json!({"path": "*", "kind": "status", "status": 429, "retry_after": 3600});
    model.fault(busy).await?;
    let Err(JudgeError::Unavailable { retry_after, .. }) = model.judge().await else {
        panic!("the provider asked to be left alone");
    };
    assert_eq!(retry_after.as_secs(), 3600);
    Ok(())
}
