// What the host calls. A plugin re-exports all of it from its entry file:
//
//   export * from "…/assembly/exports";
export { ripen_abi_v1, ripen_bind, ripen_configure, ripen_describe, ripen_migrate, ripen_process, ripen_reserve } from "./guest";
