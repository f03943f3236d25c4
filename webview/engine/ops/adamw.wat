;; AdamW over f32 values, four at a time. Every operation rounds to f32, in the order of the loop in adamwOnHost.ts,
;; so both give the same bits.
(module
  ;; Scratch that the caller cuts into gradients, first and second moments, and parameters: 64 KiB for each.
  (memory (export "memory") 4)

  ;; The addresses are in bytes; the stretches behind them have $bytes, a multiple of 16.
  (func (export "adamw")
    (param $gradient i32) (param $m i32) (param $v i32) (param $parameter i32) (param $bytes i32)
    ;; Factor on gradients, 1 - beta1, beta2, 1 - beta2, sqrt(1 - beta2^t), epsilon, 1 - lr * decay, lr / (1 - beta1^t).
    (param $clip f32) (param $rise1 f32) (param $beta2 f32) (param $rise2 f32)
    (param $bias2Sqrt f32) (param $epsilon f32) (param $keep f32) (param $rate f32)
    (local $end i32) (local $g v128) (local $mean v128) (local $square v128)

    (local.set $end (i32.add (local.get $gradient) (local.get $bytes)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $gradient) (local.get $end)))

        ;; g = gradient * clip
        (local.set $g (f32x4.mul (v128.load (local.get $gradient)) (f32x4.splat (local.get $clip))))

        ;; m = m + rise1 * (g - m)
        (local.set $mean (v128.load (local.get $m)))
        (local.set $mean
          (f32x4.add
            (local.get $mean)
            (f32x4.mul (f32x4.splat (local.get $rise1)) (f32x4.sub (local.get $g) (local.get $mean)))))
        (v128.store (local.get $m) (local.get $mean))

        ;; v = v * beta2 + (rise2 * g) * g
        (local.set $square
          (f32x4.add
            (f32x4.mul (v128.load (local.get $v)) (f32x4.splat (local.get $beta2)))
            (f32x4.mul (f32x4.mul (f32x4.splat (local.get $rise2)) (local.get $g)) (local.get $g))))
        (v128.store (local.get $v) (local.get $square))

        ;; parameter = parameter * keep - (rate * m) / (sqrt(v) / bias2Sqrt + epsilon)
        (v128.store
          (local.get $parameter)
          (f32x4.sub
            (f32x4.mul (v128.load (local.get $parameter)) (f32x4.splat (local.get $keep)))
            (f32x4.div
              (f32x4.mul (f32x4.splat (local.get $rate)) (local.get $mean))
              (f32x4.add
                (f32x4.div (f32x4.sqrt (local.get $square)) (f32x4.splat (local.get $bias2Sqrt)))
                (f32x4.splat (local.get $epsilon))))))

        (local.set $gradient (i32.add (local.get $gradient) (i32.const 16)))
        (local.set $m (i32.add (local.get $m) (i32.const 16)))
        (local.set $v (i32.add (local.get $v) (i32.const 16)))
        (local.set $parameter (i32.add (local.get $parameter) (i32.const 16)))
        (br $next)))))
