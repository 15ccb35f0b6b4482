//! Every name a cell may use, and nothing else: a cell begins with all of them
//! in scope.

pub use crate::ask::{input, password};
pub use crate::chart::{Chart, Mark, SpaceTimeDiagram, Timeline};
pub use crate::comm::{Comm, CommMessage, comm_target};
pub use crate::content::{Html, Json, Markdown, Png, Svg};
pub use crate::control::bucket;
pub use crate::control::{
    Beat, Breaker, BucketSurvey, Call, Chain, ChainSurvey, Chen, Circuit, CircuitState, Crash,
    CreditSurvey, Credits, Detector, FalseAlarms, FixedWindow, Gossip, HealthCheck, HealthSurvey,
    Hpa, LeakyBucket, Limiter, Link, Load, Margins, Metric, OutageSurvey, Overload, Phi, Pid,
    Plant, Pool, Reading, Rumor, RumorSurvey, Scaled, ScaledSurvey, Scaler, Service, Shed,
    Shedding, Spread, Swim, Threshold, Timeout, TokenBucket, Unstable, Watched,
};
pub use crate::display::{Bundle, Handle, Rich, clear_output, display};
pub use crate::experiment::{
    BalancerTables as _, HistoryTimeline as _, MeasureTables as _, QueueTables as _,
    RetryStormTables as _, SurveyTimeline as _, Sweep, claim, surveys, sweep,
};
pub use crate::intelligence::{
    Accuracy, Autoscaler, ControlChart, Fitted, ForecastSurvey, Forecaster, Found, Outlook,
    RunLengths, Runs, Scaling, ScalingRun, ScalingSurvey, Smoothing, Trace, Watch, Watcher,
};
pub use crate::operations::{
    AlertRun, BurnRate, BurnRule, BurnRun, Canary, CanaryDecision, CanaryRun, ClassRun, Cluster,
    ClusterLimits, ClusterRun, Controller, Coordinated, Coordination, Counts, DdSketch, Discovered,
    Discovery, Divergence, Exposure, Fit, Fleet, FleetRun, Glance, GreenwaldKhanna, HeadSampling,
    Listed, Looks, Offer, Packed, Packing, Past, ProportionTest, Reconcile, Reconciled, Release,
    Reservoir, Resources, Rolled, Rolling, Sampled, Sketch, SketchAccuracy, SketchTest, Sprt,
    SprtRun, TDigest, TaskClass, ThresholdAlert, TracedRequest, Waiting, Workflow, churn,
    obrien_fleming, pocock, repeated_significance,
};
pub use crate::progress::{Progress, progress};
pub use crate::request::{PathSurvey, RequestPath};
pub use crate::sim::{
    Calendar, Distribution, Estimate, Exponential, Histogram, Stream, Trials, batch_means, mser5,
    quantile_interval, replicate, replicate_until,
};
pub use crate::state::cluster::{
    CallOf, Measured, Outbox, Outcome, Property, Replica, ReplyOf, Request, Scenario, Schedule,
    Setting, SpaceTime, Survey, Workload,
};
pub use crate::state::consistency::{
    BadPattern, Causal, CausalModel, Checker, Convergence, CounterCall, CounterReply, CounterSpec,
    End, History, KeyValueCall, KeyValueHistory, KeyValueSpec, MultiValueReply, MultiValueSpec,
    Operation, QueueCall, QueueReply, QueueSpec, RandomHistory, RegisterCall, RegisterHistory,
    RegisterReply, RegisterSpec, Sequential, SessionReport, SetCall, SetReply, SetSpec,
    Specification, StaleRead, Verdict, Violation,
};
pub use crate::state::placement::{
    BloomFilter, Cache, CountMin, HotKeys, MerkleTree, Placement, Popularity, Replication,
    Resharding, ring_deviation, ring_share_interval, stable_hash,
};
pub use crate::state::protocols::{
    Abd, Dynamo, LastWriterWins, MergingCounter, MergingRegister, MergingSet, MultiValue, SetState,
};
pub use crate::state::quorum::{
    Failures, Goal, Node, QuorumError, QuorumSearch, QuorumSystem, Quorums, ReadFraction, Strategy,
    choose, majority, votes,
};
pub use crate::state::staleness::{Configuration, Latency, Pbs, Published, Wars};
pub use crate::table::Table;
pub use crate::truth::agreement::{BenOr, Valency, Voters, Voting, ben_or_rounds};
pub use crate::truth::byzantine::{
    Behaviour, OralMessages, Pbft, confirmations_needed, double_spend, double_spend_poisson,
    oral_messages, pbft_messages, simulate_double_spend,
};
pub use crate::truth::commit::{
    BlockingWindow, CommitCost, Delivery, PaxosCommitSpec, Phases, Saga, TwoPhaseSpec,
};
pub use crate::truth::election::{ElectionCall, ElectionSpec, Elects, Leader, OneLeaderATerm};
pub use crate::truth::explore::{Model, Search};
pub use crate::truth::isolation::{Anomaly, Level, Mix, Program, Store, Transactions};
pub use crate::truth::paxos::{
    MultiPaxos, Paxos, PaxosAction, PaxosFlaw, PaxosSpec, command_messages, decision_messages,
    duels, tenures,
};
pub use crate::truth::raft::{Elections, Leases, Raft, RaftFlaw, RaftSpec, Trap};
pub use crate::truth::time::{
    ClockSync, CommitWait, Execution, HybridClock, LamportClock, RandomExecution, SharedKey,
    SnapshotBy, TimeSources, Transfers, VectorClock, Versioning,
};
pub use crate::truth::{Nemesis, hunt, shrink};
pub use crate::work::{
    Arrivals, Backoff, Balancer, Contended, Contention, Customer, Discipline, Estimates, Fanout,
    ForkJoin, Jitter, MapReduce, Network, Policy, Queue, RetryStorm, Scalability, Serverless,
    Servers, Station, Theory, TheoryError, WorkStealing, amdahl, erlang_b, erlang_c, gustafson,
    halfin_whitt, power_of_d,
};

/// JSON in the form of its text: `json!({ "rho": 0.5 })`.
pub use serde_json::json;

// The crates below, for readers who want more of them than charts and tables:
// polars' own names as its users know them, those of plotters by their path.
pub use crate::chart::plotters;
pub use crate::table::polars::{self, prelude::*};

#[cfg(test)]
#[path = "prelude_tests.rs"]
mod tests;
