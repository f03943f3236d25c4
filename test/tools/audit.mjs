/**
 * `npm audit` of what ships. Fails on known vulnerabilities; a registry that answers no audits (a mirror, no network) is
 * named and does not fail, because nothing was learned.
 */
import { spawnSync } from 'node:child_process';
import { root } from './process.mjs';

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { cwd: root, encoding: 'utf8' });
const report = parse(stdout);
const counts = report?.metadata?.vulnerabilities;
if (counts === undefined) {
  console.log('audit: this registry answers no audits; skipped');
} else if (counts.total > 0) {
  console.log(
    `audit: ${counts.total} vulnerabilities in shipped packages: ${Object.keys(report.vulnerabilities).join(', ')}`,
  );
  process.exitCode = 1;
} else {
  console.log('audit: no known vulnerabilities in shipped packages');
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
