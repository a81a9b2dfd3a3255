/** The odd primes up to 167: the weak generator made primes that are powers of 65537 modulo each of them. */
const primes = oddPrimesUpTo(167);

/** For each prime, which remainders are powers of 65537. */
const powers: readonly (readonly [prime: bigint, remainders: ReadonlySet<bigint>])[] = primes.map((prime) => [
  BigInt(prime),
  powersOf(65_537n, BigInt(prime)),
]);

/**
 * Whether an RSA modulus bears the mark of the generator behind CVE-2017-15361 (ROCA), whose keys of 2048 bits can be factored: it is a power of 65537
 * modulo every one of these primes. Of honest moduli, about one in a hundred million does. Microseconds; asked once for each key that is read.
 */
export function isRocaModulus(modulus: Uint8Array): boolean {
  const value = BigInt(`0x${Buffer.from(modulus).toString("hex")}`);
  return powers.every(([prime, remainders]) => remainders.has(value % prime));
}

function powersOf(base: bigint, prime: bigint): ReadonlySet<bigint> {
  const found = new Set<bigint>();
  for (let power = 1n; !found.has(power); power = (power * base) % prime) found.add(power);
  return found;
}

function oddPrimesUpTo(most: number): readonly number[] {
  const found: number[] = [];
  for (let at = 3; at <= most; at += 2) if (found.every((prime) => at % prime !== 0)) found.push(at);
  return found;
}
