/** The polynomial of NVMe 0xad93d23594c93659, reflected, in two halves of 32 bits. */
const POLYNOMIAL_HIGH = 0x9a6c9329;
const POLYNOMIAL_LOW = 0xac4bc9b5;

const SLICES = 8;

/** The rest of each byte that is followed by `slice` zeros, at `slice * 256 + byte`. */
const high = new Uint32Array(SLICES * 256);
const low = new Uint32Array(SLICES * 256);

/** CRC-64/NVME of bytes as they come, eight at a time; numbers of 64 bits would cost ten times as much. */
export class Crc64Nvme {
  #high = 0xffffffff;
  #low = 0xffffffff;

  update(bytes: Buffer): void {
    fillTables();
    let crcHigh = this.#high;
    let crcLow = this.#low;
    let at = 0;
    for (const last = bytes.length - SLICES; at <= last; at += SLICES) {
      const first = crcLow ^ bytes.readUInt32LE(at);
      const second = crcHigh ^ bytes.readUInt32LE(at + 4);
      crcHigh = folded(high, first, second);
      crcLow = folded(low, first, second);
    }
    for (; at < bytes.length; at += 1) {
      const index = (crcLow ^ (bytes[at] ?? 0)) & 0xff;
      crcLow = ((crcLow >>> 8) | (crcHigh << 24)) ^ (low[index] ?? 0);
      crcHigh = (crcHigh >>> 8) ^ (high[index] ?? 0);
    }
    this.#high = crcHigh;
    this.#low = crcLow;
  }

  /** Eight bytes, the highest first. */
  digest(): Buffer {
    const digest = Buffer.alloc(8);
    digest.writeUInt32BE(~this.#high >>> 0, 0);
    digest.writeUInt32BE(~this.#low >>> 0, 4);
    return digest;
  }
}

/** What eight bytes come to, `first` the four that came first. */
function folded(table: Uint32Array, first: number, second: number): number {
  return (
    (table[1792 + (first & 0xff)] ?? 0) ^
    (table[1536 + ((first >>> 8) & 0xff)] ?? 0) ^
    (table[1280 + ((first >>> 16) & 0xff)] ?? 0) ^
    (table[1024 + (first >>> 24)] ?? 0) ^
    (table[768 + (second & 0xff)] ?? 0) ^
    (table[512 + ((second >>> 8) & 0xff)] ?? 0) ^
    (table[256 + ((second >>> 16) & 0xff)] ?? 0) ^
    (table[second >>> 24] ?? 0)
  );
}

/** Once, with the first bytes. */
function fillTables(): void {
  if (low[1] !== 0) return;
  for (let byte = 0; byte < 256; byte += 1) {
    let [restHigh, restLow] = [0, byte];
    for (let bit = 0; bit < 8; bit += 1) {
      const isOdd = (restLow & 1) === 1;
      restLow = (restLow >>> 1) | (restHigh << 31);
      restHigh >>>= 1;
      if (isOdd) [restHigh, restLow] = [restHigh ^ POLYNOMIAL_HIGH, restLow ^ POLYNOMIAL_LOW];
    }
    high[byte] = restHigh;
    low[byte] = restLow;
  }
  for (let index = 256; index < high.length; index += 1) {
    const [restHigh, restLow] = [high[index - 256] ?? 0, low[index - 256] ?? 0];
    low[index] = ((restLow >>> 8) | (restHigh << 24)) ^ (low[restLow & 0xff] ?? 0);
    high[index] = (restHigh >>> 8) ^ (high[restLow & 0xff] ?? 0);
  }
}
