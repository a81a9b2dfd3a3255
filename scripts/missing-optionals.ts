/** The part of `package-lock.json` that matters here. */
export interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

/** An entry for every optional dependency that the lockfile names and does not have, with the platform that its name tells. */
export function missingOptionals({ packages }: Lockfile): readonly (readonly [string, LockedPackage])[] {
  const missing = new Map<string, LockedPackage>();
  for (const parent of Object.values(packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const place = `node_modules/${name}`;
      if (!Object.hasOwn(packages, place)) missing.set(place, inertPackage(name, version, parent.dev === true));
    }
  }
  return [...missing];
}

function inertPackage(name: string, range: string, dev: boolean): LockedPackage {
  const words = name.split(/[/-]/);
  const cpu = processors.filter((known) => words.includes(known));
  const libc = words.some((word) => word.startsWith("musl")) ? ["musl"] : words.some((word) => word.startsWith("gnu")) ? ["glibc"] : [];
  return {
    version: range.replace(/^[~^]/, ""),
    cpu: cpu.length === 0 ? ["none"] : cpu,
    ...(dev ? { dev } : {}),
    ...(libc.length === 0 ? {} : { libc }),
    optional: true,
    os: systems.filter((known) => words.includes(known)),
  };
}
