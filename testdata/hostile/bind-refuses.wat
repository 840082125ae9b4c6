;; Does not accept the layout.
(module
  (memory (export "memory") 6)
  ;; The descriptor at 16: no capabilities, 1,024 slots, 256 KiB of arena.
  (data (i32.const 16) "RPEN\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\04\00\00\00\00\04\00\40\00\00\00\30\00\00\00\20\00\00\00\40\00\00\00")
  (func (export "ripen_abi_v1"))
  (func (export "ripen_describe") (result i32)
    (i32.const 16))
  (func (export "ripen_reserve") (param $n i32) (result i32)
    (if (result i32) (i32.gt_u (local.get $n) (i32.const 262144)) (then (i32.const 0)) (else (i32.const 65536))))
  ;; The tests pass the needs as the configuration; they are answered as they are.
  (func (export "ripen_configure") (param $at i32) (param $n i32) (result i32)
    (memory.copy (i32.const 1028) (i32.add (i32.const 65536) (local.get $at)) (local.get $n))
    (i32.store (i32.const 1024) (local.get $n))
    (i32.const 1024))
  (func (export "ripen_bind") (param i32 i32) (result i32) (i32.const -1))
  ;; One award of v points for each slot that has v, which is input 0.
  (func (export "ripen_process") (param $n i32) (result i32)
    (local $i i32) (local $e i32) (local $slot i32) (local $res i32) (local $ent i32) (local $v f64)
    (local.set $i (i32.load (i32.const 65544)))                     ;; HdrFirst
    (block $stop
      (loop $next
        (br_if $stop (i32.ge_u (local.get $i) (local.get $n)))
        (br_if $stop (i32.ge_u (local.get $e) (i32.load (i32.const 65584))))
        (i32.store (i32.const 65592) (local.get $i))                 ;; HdrCursor
        (local.set $slot (i32.add (i32.const 65536) (i32.add (i32.load (i32.const 65552))
          (i32.mul (local.get $i) (i32.load (i32.const 65556))))))
        (local.set $res (i32.add (i32.const 65536) (i32.add (i32.load (i32.const 65576))
          (i32.mul (local.get $i) (i32.const 48)))))
        (local.set $ent (i32.add (i32.const 65536) (i32.add (i32.load (i32.const 65580))
          (i32.mul (local.get $e) (i32.const 32)))))
        (local.set $v (f64.load offset=72 (local.get $slot)))
        (if (i32.load offset=64 (local.get $slot)) (then
          (i64.store (local.get $ent) (i64.const 1))                 ;; EntryAward, rule 0
          (i32.store offset=4 (local.get $ent) (local.get $i))
          (i64.store offset=8 (local.get $ent) (i64.trunc_f64_s (f64.mul (local.get $v) (f64.const 1000))))
          (i64.store offset=16 (local.get $ent) (i64.const 0))
          (i64.store offset=24 (local.get $ent) (i64.const 0))
          (i32.store offset=32 (local.get $res) (local.get $e))      ;; EntryFirst
          (i32.store offset=36 (local.get $res) (i32.const 1))       ;; EntryN
          (local.set $e (i32.add (local.get $e) (i32.const 1)))
        ))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i32.store (i32.const 65592) (local.get $i))                     ;; HdrCursor
    (i32.store (i32.const 65588) (local.get $e))                     ;; HdrEntriesN
    (local.get $i))
)
