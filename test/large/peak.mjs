/**
 * Loaded before a program with `--import`: when it ends, the most memory it ever had resident goes to the file that
 * `PEFT_PEAK_FILE` names, in bytes. Linux counts it for the program alone; `maxRSS` may include what started it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

process.on('exit', () => {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const kibibytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
  writeFileSync(process.env.PEFT_PEAK_FILE, String(kibibytes * 1024));
});
