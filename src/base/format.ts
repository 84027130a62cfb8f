/** Numbers as a person reads them. Pure. */

/** "1.2 MiB": bytes in powers of 1024. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return "?";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let power = 0;
  let value = Math.abs(bytes);
  while (value >= 1023.95 && power < units.length - 1) {
    value /= 1024;
    power++;
  }
  const sign = bytes < 0 ? "-" : "";
  return `${sign}${power === 0 ? value : value < 99.95 ? value.toFixed(1) : value.toFixed(0)} ${units[power]}`;
}

/** "1,234", "12.3K", "4.6M", "1.2B": a count in powers of 1000. */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return "?";
  if (Math.abs(count) < 9999.5) return withCommas(Math.round(count));
  const units = ["K", "M", "B", "T"];
  let power = 0;
  let value = count / 1000;
  while (Math.abs(value) >= 999.5 && power < units.length - 1) {
    value /= 1000;
    power++;
  }
  return `${Math.abs(value) < 99.95 ? value.toFixed(1) : value.toFixed(0)}${units[power]}`;
}

function withCommas(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "0.4s", "12s", "3m 05s", "2h 07m", "3d 04h": a time span. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return "?";
  if (ms < 9950) return `${(ms / 1000).toFixed(1)}s`;
  const s = Math.round(ms / 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

/** A path as one word that can be pasted into a shell. */
export function shellPath(path: string): string {
  const word = path.startsWith("-") ? `./${path}` : path;
  if (/^[\p{L}\p{N}_./:@%+=,-]+$/u.test(word)) return word;
  return /["$`!\n\r]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : `"${word}"`;
}
