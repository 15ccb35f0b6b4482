//! Sagas against their closed forms, and what becomes of repeated messages.

#[path = "common/said.rs"]
mod said;

use pillars_models::sim::Estimate;
use pillars_models::truth::commit::{Delivery, Saga, SagaResult};
use said::each_says;

fn payment() -> Saga {
    Saga::new().step("reserve", 0.95, 5.0).step("charge", 0.9, 20.0).step("ship", 0.8, 10.0)
}

fn near(what: &str, estimate: Estimate, truth: f64) {
    assert!(
        estimate.gap_in_bars(truth) < 2.0 || (estimate.mean - truth).abs() < 1e-9,
        "{what}: {estimate} and {truth}"
    );
}

/// Without losses both styles do what the closed forms say.
#[test]
fn sagas_are_those_of_the_closed_form() {
    for (at, saga) in [
        payment(),
        payment().undo_succeeds(0.5),
        payment().choreographed(),
        payment().choreographed().undo_succeeds(0.7),
        Saga::new().step("all", 1.0, 0.0),
        Saga::new().step("none", 0.0, 0.0).step("never", 1.0, 0.0),
    ]
    .into_iter()
    .enumerate()
    {
        let result = saga.clone().seed(at as u64 + 1).survey(20_000);
        near("completed", result.completed, saga.completes());
        near("undone", result.undone, 1.0 - saga.completes());
        near("compensations", result.compensations, saga.mean_compensations());
        near("attempts", result.attempts, saga.mean_attempts());
        near("messages", result.messages, saga.mean_messages());
        for step in 0..result.effects.len() {
            near("effects", result.effects[step], saga.mean_effects(step));
        }
        assert_eq!((result.stuck.mean, result.doubled.mean), (0.0, 0.0));
    }
    // By hand: 0.95 0.9 0.8; one to undo if the second fails, two if the third does.
    assert!((payment().completes() - 0.684).abs() < 1e-12);
    assert!((payment().mean_compensations() - (0.95 * 0.1 + 2.0 * 0.95 * 0.9 * 0.2)).abs() < 1e-12);
    // A saga of which all goes well takes its steps and its messages: two each, or one and one more.
    let sure = Saga::new().step("a", 1.0, 5.0).step("b", 1.0, 7.0);
    let latency = |saga: Saga| saga.survey(10).latency.unwrap().mean;
    assert_eq!((latency(sure.clone()), latency(sure.choreographed())), (16.0, 15.0));
}

/// A charge that is repeated charges twice, unless it is known again; one that is not repeated may
/// leave the saga where it is.
#[test]
fn keys_keep_repeated_messages_from_taking_effect_twice() {
    let loss = 0.1;
    let saga = || Saga::new().step("charge", 1.0, 5.0).loss(loss);
    let survey = |saga: Saga| -> SagaResult { saga.survey(40_000) };

    let twice = survey(saga().delivery(Delivery::AtLeastOnce));
    near("doubled", twice.doubled, loss);
    near("effects", twice.effects[0], 1.0 / (1.0 - loss));
    assert_eq!((twice.completed.mean, twice.stuck.mean), (1.0, 0.0));

    let once = survey(saga().delivery(Delivery::Idempotent));
    assert_eq!((once.doubled.mean, once.effects[0].mean, once.completed.mean), (0.0, 1.0, 1.0));
    // An exchange fails with 1 - (1 - loss)², and then takes the time-out.
    let fails = 1.0 - (1.0 - loss) * (1.0 - loss);
    near("latency", once.latency.unwrap(), 7.0 + 100.0 * fails / (1.0 - fails));

    let never = survey(saga().delivery(Delivery::AtMostOnce));
    near("stuck", never.stuck, fails);
    near("effects", never.effects[0], 1.0 - loss);
    assert_eq!(never.doubled.mean, 0.0);

    // Passed on from one service to the next, a repetition is repeated.
    let chain = saga().step("ship", 1.0, 1.0).delivery(Delivery::AtLeastOnce);
    let orchestrated = survey(chain.clone());
    let choreographed = survey(chain.clone().choreographed());
    for step in 0..2 {
        near("orchestrated", orchestrated.effects[step], chain.mean_effects(step));
        let passed_on = chain.clone().choreographed().mean_effects(step);
        near("choreographed", choreographed.effects[step], passed_on);
    }
    assert!(choreographed.effects[1].low() > orchestrated.effects[1].high());
    near("first", choreographed.effects[0], 1.0 / 0.9);
    near("second", choreographed.effects[1], 1.0 / 0.81);
}

/// A refund that is repeated is paid twice: compensations are messages too.
#[test]
fn repeated_compensations_are_counted() {
    let saga = || payment().loss(0.1).delivery(Delivery::AtLeastOnce);
    for saga in [saga(), saga().undo_succeeds(0.5), saga().choreographed()] {
        let result = saga.clone().seed(7).survey(40_000);
        for step in 0..3 {
            near("undoings", result.undoings[step], saga.mean_undoings(step));
        }
        // The last step is never undone; what is undone has been done and may have been twice.
        assert_eq!(result.undoings[2].mean, 0.0);
        assert!(result.repeated.low() > 0.0 && result.unbalanced.low() > 0.0);
        let known = saga.delivery(Delivery::Idempotent).survey(10_000);
        assert_eq!((known.repeated.mean, known.unbalanced.mean), (0.0, 0.0));
        let each: f64 = known.undoings.iter().map(|it| it.mean).sum();
        assert!((each - known.compensations.mean).abs() < 1e-9);
    }
    // By hand: a charge, then a step that fails. The charge takes effect as often as the request
    // comes until an answer arrives, 1 + G times, the refund 1 + G' times, both geometric with
    // 1/10: they are equal with (9/10)² / (1 - (1/10)²).
    let two = Saga::new().step("charge", 1.0, 1.0).step("never", 0.0, 1.0).loss(0.1);
    let result = two.delivery(Delivery::AtLeastOnce).survey(40_000);
    near("unbalanced", result.unbalanced, 1.0 - 0.81 / 0.99);
    near("repeated", result.repeated, 0.1);
    assert_eq!(result.undone.mean, 1.0);
}

#[test]
fn what_makes_no_sense_is_told() {
    each_says([
        (Box::new(|| drop(Saga::new().survey(10))) as Box<dyn Fn()>, "the saga has no steps"),
        (Box::new(|| drop(payment().survey(1))), "at least 2 runs"),
        (Box::new(|| drop(Saga::new().step("a", 1.5, 1.0))), "between 0 and 1, but it is 1.5"),
        (Box::new(|| drop(Saga::new().step("a", 1.0, -1.0))), "at least 0, but it is -1"),
        (Box::new(|| drop(payment().loss(1.0))), "nothing would ever arrive"),
        (Box::new(|| drop(payment().undo_succeeds(0.0))), "tried without end"),
        (Box::new(|| drop(payment().timeout(0.0))), "time-out must be a positive number"),
        (
            Box::new(|| {
                let _ = payment().mean_effects(3);
            }),
            "3 steps, numbered from 0, but step 3",
        ),
        (
            Box::new(|| {
                let _ = payment().loss(0.1).delivery(Delivery::AtMostOnce).mean_effects(0);
            }),
            "have no closed form here",
        ),
    ]);
}
