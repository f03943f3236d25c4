/**
 * A number as a person writes it in a config: small rates with an exponent, `2.0e-4`. The point is there because YAML 1.1
 * readers (PyYAML) take `2e-4` for a text.
 */
export function numberText(value: number): string {
  if (value === 0 || Math.abs(value) >= 1e-3 || !Number.isFinite(value)) return String(value);
  const [mantissa, exponent] = value.toExponential().split('e');
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}e${exponent}`;
}
