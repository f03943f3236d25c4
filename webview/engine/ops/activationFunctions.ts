/** An elementwise function as WGSL over `V` (f32 or vec4<f32>). */
export interface Elementwise {
  /** Module-scope helpers that both expressions may call. */
  readonly functions: string;
  /** Expression in `x`. */
  readonly forward: string;
  /** Derivative, an expression in `x`. */
  readonly derivative: string;
}

/** The argument of exp is kept below where f32 overflows; sigmoid is 0 or 1 to the last bit long before. */
const sigmoid = `
fn sigmoid(x: V) -> V { return 1.0 / (1.0 + exp(min(-x, V(88.0)))); }
`;

/**
 * erf to 1e-7: x·P(x²) below 1; above, 1 − exp(−x²)·Q(t) with t = 1/(1 + x/2). P and Q are least-squares fits at
 * Chebyshev points of erf(x)/x − 1 and of exp(x²)·erfc(x).
 */
const erf = `
fn erf(x: V) -> V {
  let u = x * x;
  var small = V(7.88249711e-05);
  small = small * u - 0.000801885499;
  small = small * u + 0.00518931194;
  small = small * u - 0.0268543288;
  small = small * u + 0.112835975;
  small = small * u - 0.376126269;
  small = small * u + 0.12837917;
  let a = min(abs(x), V(4.5));
  let t = 1.0 / (1.0 + 0.5 * a);
  var large = V(-0.0639845429);
  large = large * t - 0.0255027483;
  large = large * t + 0.363824848;
  large = large * t + 0.127798639;
  large = large * t + 0.321057637;
  large = large * t + 0.275519751;
  large = large * t + 0.000454233287;
  return select(sign(x) * (1.0 - exp(-a * a) * large), x + x * small, abs(x) < V(1.0));
}
`;

/**
 * √(2/π) and the cubic coefficient of the tanh form of GELU (Hendrycks and Gimpel 2016); 2u is the sigmoid's argument.
 * Past ±20 the slope is 0 or 1 to the last bit, and its square would overflow.
 */
const geluTanh = `
fn twice_u(x: V) -> V { return 1.5957691216057308 * x * (1.0 + 0.044715 * x * x); }
fn gelu_slope(wide: V) -> V {
  let x = clamp(wide, V(-20.0), V(20.0));
  let s = sigmoid(twice_u(x));
  return s + x * s * (1.0 - s) * 1.5957691216057308 * (1.0 + 0.134145 * x * x);
}
`;

/**
 * tanh to a few units in the last place, whose precision WGSL leaves open: its series near 0, where 2·sigmoid(2x) − 1
 * would cancel.
 */
export const tanh = `
fn tanh_of(x: V) -> V {
  let u = x * x;
  let small = x * (1.0 + u * (-0.3333333333 + u * (0.1333333333 + u * (-0.0539682540 + u * 0.0218694885))));
  return select(2.0 / (1.0 + exp(min(-2.0 * x, V(88.0)))) - 1.0, small, abs(x) < V(0.25));
}
`;

/** 1 + tanh(u) = 2·sigmoid(2u): no tanh, whose precision WGSL leaves open, and no cancellation for negative x. */
export const activations = {
  gelu_tanh: { functions: sigmoid + geluTanh, forward: 'x * sigmoid(twice_u(x))', derivative: 'gelu_slope(x)' },
  gelu_erf: {
    functions: erf,
    forward: '0.5 * x * (1.0 + erf(x * 0.7071067811865476))',
    derivative: '0.5 * (1.0 + erf(x * 0.7071067811865476)) + x * 0.3989422804014327 * exp(-0.5 * x * x)',
  },
  silu: {
    functions: sigmoid,
    forward: 'x * sigmoid(x)',
    derivative: 'sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)))',
  },
  tanh: { functions: tanh, forward: 'tanh_of(x)', derivative: '1.0 - tanh_of(x) * tanh_of(x)' },
  relu: { functions: '', forward: 'max(x, V(0.0))', derivative: 'select(V(0.0), V(1.0), x > V(0.0))' },
} as const satisfies Record<string, Elementwise>;

export type ActivationName = keyof typeof activations;
