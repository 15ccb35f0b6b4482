//! How much memory the process that runs cells may use.

/// Its share of the machine's memory, unless `PILLARS_MEMORY_MB` says how much.
const SHARE: f64 = 0.8;

/// The limit in bytes; `None` when there is to be none (`PILLARS_MEMORY_MB=0`), or
/// when the machine does not say how much it has.
pub fn limit() -> Option<u64> {
    if let Ok(text) = std::env::var("PILLARS_MEMORY_MB")
        && let Ok(megabytes) = text.trim().parse::<u64>()
    {
        return (megabytes > 0).then(|| megabytes.saturating_mul(1 << 20));
    }
    Some((all()? as f64 * SHARE) as u64)
}

/// The memory there is, in bytes, used or not.
pub fn all() -> Option<u64> {
    [pillars_unix::memory(), of_group()].into_iter().flatten().min()
}

/// The limit of the control group, as a container has it.
fn of_group() -> Option<u64> {
    let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    files.iter().find_map(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok())
}
