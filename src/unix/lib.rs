//! All that Pillars asks of the operating system beyond Rust's own library, and all that rules
//! Windows out: signals, groups of processes, descriptors that are inherited, libraries that
//! are loaded, sockets in the file system, files of one owner. Linux and macOS have it.

use std::ffi::{CStr, CString, c_int, c_void};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::ptr::null_mut;

#[cfg(feature = "tokio")]
pub use tokio::{
    net::{UnixListener, UnixStream},
    signal::unix::{Signal as Signals, SignalKind, signal as signals},
};

/// A file that is created for its owner alone.
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Makes a folder, and those above it, for its owner alone.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Permissions of a folder that its owner alone can look into.
pub fn private_folder() -> Permissions {
    Permissions::from_mode(0o700)
}

/// Makes a file its owner's alone.
pub fn make_private(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(0o600))
}

/// Makes a file a program.
pub fn make_executable(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(0o755))
}

/// A second name for a file or a folder.
pub fn link(original: &Path, name: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(original, name)
}

/// A file name under which a program finds its own standard input.
pub fn link_to_standard_input(name: &Path) -> io::Result<()> {
    link(Path::new("/dev/stdin"), name)
}

/// Whether a socket's name is left over: nobody listens there.
pub fn is_deserted(socket: &Path) -> bool {
    let tried = std::os::unix::net::UnixStream::connect(socket);
    tried.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// What a process can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// To stop what it does.
    Interrupt,
    /// To end at once.
    Kill,
    /// Nothing, for a process that has not asked for it.
    Sign,
}

impl Signal {
    fn number(self) -> c_int {
        match self {
            Signal::Interrupt => libc::SIGINT,
            Signal::Kill => libc::SIGKILL,
            Signal::Sign => libc::SIGURG,
        }
    }
}

/// Tells a process. One that is gone is not told.
pub fn send(process: u32, signal: Signal) {
    if let Ok(process) = libc::pid_t::try_from(process) {
        // SAFETY: kill has no memory effects.
        unsafe { libc::kill(process, signal.number()) };
    }
}

/// Ends a process that leads a group, and all of its group.
pub fn end_group(leader: u32) {
    if let Ok(leader) = libc::pid_t::try_from(leader) {
        // SAFETY: kill has no memory effects.
        unsafe { libc::kill(-leader, libc::SIGKILL) };
    }
}

/// Whether a process is gone.
pub fn is_gone(process: i32) -> bool {
    // SAFETY: signal 0 only asks whether the process is there.
    let answer = unsafe { libc::kill(process, 0) };
    answer == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

/// Which process has started this one, or has taken it over since.
pub fn parent() -> u32 {
    std::os::unix::process::parent_id()
}

/// The processes that a process has started.
#[cfg(target_os = "linux")]
pub fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // The parent is the second field after the name, which stands in parentheses
    // and may hold any character.
    let parent_of = |process: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    numbers.filter(|process| parent_of(*process) == Some(parent)).collect()
}

/// The processes that a process has started.
#[cfg(not(target_os = "linux"))]
pub fn children(parent: u32) -> Vec<u32> {
    let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output();
    let Ok(listed) = listed else { return vec![] };
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let pairs = listed.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    });
    pairs.filter(|(_, of)| *of == parent).map(|(process, _)| process).collect()
}

/// Leaves the processor to others.
pub fn be_nice() {
    // SAFETY: it has no memory effects. Where it fails this process is only less polite.
    unsafe { libc::nice(19) };
}

/// Becomes another program; comes back only if that cannot be.
pub fn replace(command: &mut Command) -> io::Error {
    command.exec()
}

/// A pipe's end to read from, and that to write to.
pub fn pipe() -> io::Result<(OwnedFd, File)> {
    let (reading, writing) = std::io::pipe()?;
    Ok((reading.into(), File::from(OwnedFd::from(writing))))
}

/// Has the process that will be started lead a group of its own, and (on Linux) end with the
/// thread that starts it.
pub fn lead_group(command: &mut Command) {
    command.process_group(0);
    // SAFETY: only calls that are allowed between fork and exec.
    unsafe { command.pre_exec(end_with_parent) };
}

/// The same, with one end of a pipe, bounds of its memory in bytes, and no image of a crash.
/// The number of the pipe is in its environment as `name`.
pub fn hand_over(command: &mut Command, pipe: &OwnedFd, name: &str, memory: Option<u64>) {
    let pipe = pipe.as_raw_fd();
    command.env(name, pipe.to_string());
    lead_group(command);
    // SAFETY: only calls that are allowed between fork and exec, without memory effects.
    unsafe {
        command.pre_exec(move || {
            checked(libc::fcntl(pipe, libc::F_SETFD, 0))?;
            // A crash is told in words; its image would fill the disk.
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            checked(libc::setrlimit(libc::RLIMIT_CORE, &none))?;
            if let Some(bytes) = memory {
                let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
                // Where the system does not know this limit there is none.
                let _ = libc::setrlimit(libc::RLIMIT_DATA, &limit);
            }
            Ok(())
        });
    }
}

/// The end of a pipe that was handed over under this name. Nobody else may take it.
pub fn handed_over(name: &str) -> Option<File> {
    let number: c_int = std::env::var(name).ok()?.parse().ok()?;
    // SAFETY: it has been opened for this process and nobody else uses it; if it is not open,
    // both calls only fail.
    unsafe {
        // What this process starts must not hold it open.
        if libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) == -1 {
            return None;
        }
        Some(File::from_raw_fd(number))
    }
}

fn end_with_parent() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    // SAFETY: it has no memory effects.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
    Ok(())
}

/// Has this process asked to end when the thread that started it does, where that can be (on
/// Linux).
pub fn end_this_with_parent() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    // SAFETY: it has no memory effects.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) })?;
    Ok(())
}

fn checked(result: c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// How a process came to its end: the signal, or the status, in words.
pub fn how_it_ended(status: ExitStatus) -> String {
    let Some(signal) = status.signal() else {
        return format!("exit status: {}", status.code().unwrap_or_default());
    };
    let named = [
        (libc::SIGSEGV, "SIGSEGV: it used memory that is not its own"),
        (libc::SIGBUS, "SIGBUS: it used memory that cannot be reached"),
        (libc::SIGILL, "SIGILL: it met an illegal instruction"),
        (libc::SIGFPE, "SIGFPE: an operation on numbers failed"),
        (libc::SIGABRT, "SIGABRT: it gave up"),
        (
            libc::SIGKILL,
            "SIGKILL: it was ended from outside; the system does so when memory runs out",
        ),
        (libc::SIGTERM, "SIGTERM: it was ended from outside"),
    ];
    let found = named.iter().find(|(number, _)| *number == signal);
    found.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

/// The machine's memory in bytes, if it says.
pub fn memory() -> Option<u64> {
    // SAFETY: sysconf has no memory effects.
    let (pages, size) =
        unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    u64::try_from(pages).ok()?.checked_mul(u64::try_from(size).ok()?).filter(|bytes| *bytes > 0)
}

/// Has a signal call `handler`, which may do only what is allowed in one: store to an atomic,
/// say. What the signal interrupts goes on.
pub fn on(signal: Signal, handler: extern "C" fn(c_int)) {
    // SAFETY: the handler keeps to the rule above; all of the struct that is not set may be zero.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(signal.number(), &action, null_mut());
    }
}

/// Writes to standard output where nothing may be allocated or locked. If nobody reads, nobody
/// is told.
pub fn write_in_signal_handler(bytes: &[u8]) {
    // SAFETY: the pointer and the length are those of a slice.
    unsafe { libc::write(1, bytes.as_ptr().cast(), bytes.len()) };
}

/// Frames that are looked at, the innermost first.
pub const DEPTH: usize = 128;

/// Room for the addresses of calls.
pub type Frames = [usize; DEPTH];

/// The addresses to which the calls that led here return, the innermost first. In a signal
/// handler the stack is short: they are written where the caller has room.
pub fn calls(room: &mut Frames) -> &[usize] {
    // SAFETY: the room is as long as it is said to be, and addresses are numbers of that size.
    let count = unsafe { libc::backtrace(room.as_mut_ptr().cast(), DEPTH as c_int) };
    &room[..usize::try_from(count).unwrap_or_default()]
}

/// The library that an address is in, and where in it. Libraries must never be closed.
pub fn library_of(address: usize) -> Option<(&'static CStr, usize)> {
    // SAFETY: dladdr only reads the list of loaded libraries, and these are never closed.
    unsafe {
        let mut info = std::mem::zeroed::<libc::Dl_info>();
        if libc::dladdr(address as *const c_void, &mut info) == 0 || info.dli_fname.is_null() {
            return None;
        }
        Some((CStr::from_ptr(info.dli_fname), address - info.dli_fbase.addr()))
    }
}

/// The signals of crashes.
const CRASHES: [c_int; 5] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

/// What was done at each signal before: the standard library tells overflows of the stack.
static mut BEFORE: [Option<libc::sigaction>; CRASHES.len()] = [None; CRASHES.len()];

/// What is called in a crash.
static mut TELL: fn() = || ();

/// From now on a crash calls `tell`, which must not allocate, before it takes its course. To be
/// called once, before there are threads.
pub fn on_crash(tell: fn()) {
    // The first call loads a library, which must not happen inside a signal handler.
    calls(&mut [0; DEPTH]);
    // SAFETY: no other thread is there; the handler lives as long as the process.
    unsafe {
        TELL = tell;
        for (at, signal) in CRASHES.into_iter().enumerate() {
            let mut action = std::mem::zeroed::<libc::sigaction>();
            action.sa_sigaction = crashed as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            let mut before = std::mem::zeroed::<libc::sigaction>();
            if libc::sigaction(signal, &action, &mut before) == 0 {
                BEFORE[at] = Some(before);
            }
        }
    }
}

extern "C" fn crashed(signal: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: nothing here allocates. Should telling wait for a lock that this very thread
    // holds, the alarm ends the process.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::alarm(2);
        TELL();
        libc::alarm(0);
        // What would have happened: it does when the instruction is tried again.
        let at = CRASHES.iter().position(|other| *other == signal);
        let before = at.and_then(|at| BEFORE[at]);
        match before {
            Some(before) if signal != libc::SIGABRT => {
                libc::sigaction(signal, &before, null_mut());
            }
            _ => {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        }
    }
}

/// A library that was loaded; it is never closed.
#[derive(Clone, Copy, Debug)]
pub struct Loaded(*mut c_void);

/// Loads a library. It sees the symbols of those that it was linked with, and no others.
///
/// # Errors
/// The system's own words.
///
/// # Safety
/// The library's code that runs at load time must be sound.
pub unsafe fn load(path: &str) -> Result<Loaded, String> {
    let path = CString::new(path).map_err(|error| error.to_string())?;
    // SAFETY: as the caller promises.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if library.is_null() { Err(load_error()) } else { Ok(Loaded(library)) }
}

impl Loaded {
    /// The address of a symbol.
    ///
    /// # Errors
    /// The system's own words.
    pub fn symbol(self, name: &CStr) -> Result<*mut c_void, String> {
        // SAFETY: the library comes from dlopen and is never closed.
        let symbol = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        if symbol.is_null() { Err(load_error()) } else { Ok(symbol) }
    }
}

fn load_error() -> String {
    // SAFETY: dlerror returns null or a string that lives until the next call.
    unsafe {
        let error = libc::dlerror();
        if error.is_null() {
            return "it cannot be loaded".to_owned();
        }
        CStr::from_ptr(error).to_string_lossy().into_owned()
    }
}
