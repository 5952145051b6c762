//! Transcript tools mode, with a model that uses them well or badly.

use crate::model::Model;
use crate::support::{config, transcript};
use anyhow::Result;
use serde_json::json;
use vigie_scorecard::{MinQuoteChars, NormalizedTimeline, ToolLimits};
use vigie_step_analyzer::domain::judgement::JudgeError;

#[tokio::test]
async fn it_searches_reads_and_quotes_what_it_read() -> Result<()> {
    let model = Model::start().await?;
    let judgement = model.judge_by_tools().await?;
    assert_eq!(judgement.calls.len(), 3, "a search, a reading, an answer");
    assert!(judgement.calls.iter().all(|call| call.ok));
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
    let usage = judgement.result.usage.unwrap_or_default();
    let paid: i64 = judgement
        .calls
        .iter()
        .map(|call| call.completion_tokens)
        .sum();
    assert_eq!(usage.completion_tokens, paid, "every turn is counted");
    Ok(())
}

#[tokio::test]
async fn a_model_that_only_ever_searches_must_answer_at_the_last_turn() -> Result<()> {
    let model = Model::start().await?;
    model
        .fault(json!({"path": "*", "kind": "endless_tools"}))
        .await?;
    let judgement = model.judge_by_tools().await?;
    assert_eq!(judgement.calls.len(), 8);
    assert_eq!(model.calls().await?, 8);
    Ok(())
}

#[tokio::test]
async fn the_turns_allowed_are_the_turns_taken() -> Result<()> {
    let model = Model::start_with(ToolLimits::default().turns(3)).await?;
    model
        .fault(json!({"path": "*", "kind": "endless_tools"}))
        .await?;
    assert_eq!(model.judge_by_tools().await?.calls.len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_wrong_tool_call_is_answered_and_the_model_goes_on() -> Result<()> {
    let model = Model::start().await?;
    model
        .fault(json!({"path": "*", "kind": "wrong_tool", "count": 1}))
        .await?;
    let judgement = model.judge_by_tools().await?;
    assert!(!judgement.result.points_controle.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_judgement_on_nothing_read_is_refused() -> Result<()> {
    let model = Model::start().await?;
    model
        .fault(json!({"path": "*", "kind": "wrong_tool"}))
        .await?;
    let Err(JudgeError::Failed { reason, calls }) = model.judge_by_tools().await else {
        panic!("nothing was read");
    };
    assert_eq!(reason, "the model answered without reading the transcript");
    assert_eq!(calls.len(), 8);
    Ok(())
}

#[tokio::test]
async fn a_broken_answer_after_reading_is_asked_for_once_more() -> Result<()> {
    let model = Model::start().await?;
    model
        .fault(json!({"path": "*", "kind": "schema_violation", "count": 1}))
        .await?;
    let outcomes: Vec<_> = model
        .judge_by_tools()
        .await?
        .calls
        .iter()
        .map(|call| call.ok)
        .collect();
    assert_eq!(outcomes, [true, true, false, true]);
    model
        .fault(json!({"path": "*", "kind": "schema_violation"}))
        .await?;
    assert!(matches!(
        model.judge_by_tools().await,
        Err(JudgeError::Failed { .. })
    ));
    Ok(())
}

#[tokio::test]
async fn invented_quotes_are_no_better_for_having_searched() -> Result<()> {
    let model = Model::start().await?;
    model
        .fault(json!({"path": "*", "kind": "hallucination"}))
        .await?;
    let answer = model.judge_by_tools().await?.result;
    let timeline = NormalizedTimeline::new(transcript("vente-conforme").timeline);
    let mut quotes = answer
        .points_controle
        .iter()
        .flat_map(|point| &point.citations);
    assert!(!quotes.any(|quote| timeline.confirms(quote, MinQuoteChars::DEFAULT)));
    Ok(())
}
