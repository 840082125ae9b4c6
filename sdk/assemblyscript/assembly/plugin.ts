// What a module registers.
import { Config } from "./config";
import { Needs } from "./needs";
import { Input, Output } from "./slot";

/** Asks for the ledger rows declared by Needs.view. */
export const CAP_LEDGER: u64 = 1;
/** Output depends on the ledger view, the inputs and now only. */
export const CAP_MEMORYLESS: u64 = 2;
/** The plugin keeps a state blob per lead. */
export const CAP_STATE: u64 = 4;
/** The plugin may take awards of earlier events back and hide events from later steps. */
export const CAP_VOID: u64 = 8;
/** Output depends on the inputs only, neither on time, state nor ledger. */
export const CAP_PURE: u64 = 16;
/** The plugin may ask to be woken (Output.wake). */
export const CAP_TIMERS: u64 = 32;

/** What a module is made of. */
export abstract class Plugin {
  /** The capabilities that it asks for; the manifest names the same ones. */
  caps: u64 = 0;
  /** Size of the largest state blob of a lead in bytes, 0 without CAP_STATE. */
  stateMax: u32 = 0;
  /** Names the layout of the blob. A blob of another version is never handed to score. */
  stateVersion: u32 = 0;
  /** Bytes of arena that it would like, 0 for the default. */
  arenaWant: u32 = 0;

  /** Reads the configuration and says what the plugin needs. Called once. A text refuses the configuration as a whole. */
  abstract configure(cfg: Config, n: Needs): string | null;

  /** Scores one slot. A text drops what it wrote and is shown. */
  abstract score(input: Input, out: Output): string | null;

  /** Says whether migrate knows both versions. */
  knows(from: u32, to: u32): bool { return false; }

  /** Converts a blob between two versions that it knows, up or down; null: it cannot. */
  migrate(state: Uint8Array, from: u32, to: u32): Uint8Array | null { return null; }
}

// @ts-ignore: decorator
@external("ripen_v1", "log")
declare function hostLog(at: usize, len: usize): void;

/** Writes a line to the engine's log at debug level, thinned out, silent in replay. A module that never calls it imports nothing. */
export function log(line: string): void {
  const utf8 = String.UTF8.encode(line);
  hostLog(changetype<usize>(utf8), utf8.byteLength);
}
