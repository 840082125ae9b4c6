//! What the author of a [Ripen](https://github.com/ripenhq/ripen) plugin in Rust writes against. The crate has no dependencies, needs no
//! allocator and is `no_std` in WebAssembly.
//!
//! # A plugin
//!
//! ```
//! #![cfg_attr(target_family = "wasm", no_std)]
//! use ripen::{exact, Config, Enum, Error, Input, Needs, Output, Plugin, Rule, RuleId};
//!
//! struct Asked {
//!     event: Enum,
//!     rule: RuleId,
//!     worth: i64,
//! }
//!
//! impl Plugin for Asked {
//!     const CAPS: u64 = ripen::CAP_PURE;
//!
//!     fn configure(cfg: Config, n: &mut Needs) -> Result<Self, Error> {
//!         let worth = cfg.points("points", 100_000);
//!         Ok(Asked {
//!             event: n.event(exact(&["Demo Requested"])),
//!             rule: n.rule(&Rule { name: "asked", template: "{label}", activity: true, max: worth, ..Rule::default() }),
//!             worth,
//!         })
//!     }
//!
//!     fn score(&self, input: &Input, out: &mut Output) -> Result<(), Error> {
//!         if input.which(self.event) == 1 {
//!             out.award(self.rule, self.worth);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! ripen::plugin!(Asked);
//! ```
//!
//! # The contract
//!
//! [`Plugin::configure`] runs once for each instance. It reads its configuration, says what it needs (columns, rules, grades, flags,
//! counters, ledger views) and returns the plugin. Mistakes of the configuration's author are reported with [`Needs::error`] at the node
//! that they stand in, all of them; an error returned from it refuses the configuration as a whole.
//!
//! [`Plugin::score`] then runs once for each slot: one lead with one input, which is an event, a timer that the plugin asked for, or a
//! probe. What it says depends on the slot alone (input, state, ledger rows): plugins keep nothing between two calls, because rounds are
//! split, repeated and spread over instances at will. Times are `i64` milliseconds since 1970 UTC, points are `i64` milli-points (1 point =
//! 1,000), there is no clock and no randomness.
//!
//! Entries, state and result of a slot count as a whole: an error from `score` drops them and is shown with its text; a panic traps the
//! instance and fails that slot alone; when the host's room for entries is used up, the slot is run again later, unseen by the plugin.
//!
//! A column that the input does not have is unknown (`None`), never zero. Unknown must not fire anything.
#![cfg_attr(target_family = "wasm", no_std)]
#![warn(missing_docs)]

mod config;
mod error;
mod guest;
mod input;
mod mem;
mod needs;
mod output;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod text;

pub use config::{Config, Items, Kind};
pub use error::Error;
pub use guest::Guest;
pub use input::{Input, Row};
pub use mem::List;
pub use needs::{
    exact, folded_globs, globs, Bool, Column, Count, Counter, Enum, Flag, Grade, Hash, InputKind, Literals, Needs, Number, Reason, Rule, RuleId, Scope, Source,
    Text, Time,
};
pub use output::Output;
pub use text::{match_glob, once, parse_millis};

/// Asks for the ledger rows declared by [`Needs::view`].
pub const CAP_LEDGER: u64 = 1;
/// Output depends on the ledger view, the inputs and now only.
pub const CAP_MEMORYLESS: u64 = 2;
/// The plugin keeps a state blob per lead.
pub const CAP_STATE: u64 = 4;
/// The plugin may take awards of earlier events back and hide events from later steps.
pub const CAP_VOID: u64 = 8;
/// Output depends on the inputs only, neither on time, state nor ledger.
pub const CAP_PURE: u64 = 16;
/// The plugin may ask to be woken ([`Output::wake`]).
pub const CAP_TIMERS: u64 = 32;

/// Why a state cannot be converted, see [`Plugin::migrate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmigrated {
    /// The plugin does not know one of the versions.
    Version,
    /// It does, but not this blob.
    Blob,
}

/// What a module is made of.
pub trait Plugin: Sized {
    /// The capabilities that it asks for; the manifest names the same ones.
    const CAPS: u64 = 0;
    /// Size of the largest state blob of a lead in bytes, 0 without [`CAP_STATE`].
    const STATE_MAX: u32 = 0;
    /// Names the layout of the blob. A blob of another version is never handed to `score`.
    const STATE_VERSION: u32 = 0;
    /// Bytes of arena that it would like, 0 for the default.
    const ARENA_WANT: u32 = 0;

    /// Reads the configuration and says what the plugin needs. Called once.
    fn configure(cfg: Config, n: &mut Needs) -> Result<Self, Error>;

    /// Scores one slot.
    fn score(&self, input: &Input, out: &mut Output) -> Result<(), Error>;

    /// Converts a blob between two versions, up or down, into `out` and returns its new length. A blob of no bytes only asks whether it
    /// knows both versions.
    fn migrate(_state: &[u8], _from: u32, _to: u32, _out: &mut [u8]) -> Result<usize, Unmigrated> {
        Err(Unmigrated::Version)
    }
}

/// Writes a line to the engine's log at debug level, thinned out, silent in replay. A module that never calls it imports nothing.
pub fn log(line: &str) {
    #[cfg(target_family = "wasm")]
    {
        #[link(wasm_import_module = "ripen_v1")]
        extern "C" {
            #[link_name = "log"]
            fn host_log(ptr: *const u8, len: usize);
        }
        // The host reads the bytes before it returns.
        unsafe { host_log(line.as_ptr(), line.len()) }
    }
    #[cfg(not(target_family = "wasm"))]
    eprintln!("{}", line);
}

/// Makes the type the plugin of this module, which must be `no_std` in WebAssembly. Outside WebAssembly it does nothing: tests hand the type
/// to [`testing::Host`](crate::testing).
#[macro_export]
macro_rules! plugin {
    ($plugin:ty) => {
        $crate::exports!($plugin);

        #[cfg(target_family = "wasm")]
        #[panic_handler]
        fn ripen_panic(_: &core::panic::PanicInfo) -> ! {
            core::arch::wasm32::unreachable()
        }
    };
}

/// The exports alone, for a module that links `std`.
#[macro_export]
macro_rules! exports {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            // An instance is a process of its own with one configuration and one thread.
            static mut GUEST: $crate::Guest<$plugin> = $crate::Guest::new();
            fn guest() -> &'static mut $crate::Guest<$plugin> {
                unsafe { &mut *core::ptr::addr_of_mut!(GUEST) }
            }
            #[no_mangle]
            extern "C" fn ripen_abi_v1() {}
            #[no_mangle]
            extern "C" fn ripen_describe() -> *const u8 {
                guest().describe().as_ptr()
            }
            #[no_mangle]
            extern "C" fn ripen_reserve(size: u32) -> *const u8 {
                guest().reserve_new(size)
            }
            #[no_mangle]
            extern "C" fn ripen_configure(off: u32, len: u32) -> *const u8 {
                guest().configure(off, len).map_or(core::ptr::null(), |b| b.as_ptr())
            }
            #[no_mangle]
            extern "C" fn ripen_bind(off: u32, len: u32) -> i32 {
                guest().bind(off, len)
            }
            #[no_mangle]
            extern "C" fn ripen_process(n: i32) -> i32 {
                guest().process(n)
            }
            #[no_mangle]
            extern "C" fn ripen_migrate(from: u32, to: u32) -> i32 {
                guest().migrate(from, to)
            }
        };
    };
}
