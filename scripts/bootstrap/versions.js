/** What runs Odradek, exactly. Each is a plain npm package that needs no install script. */
export const versions = {
  node: "24.21.0",
  pnpm: "10.34.8",
};

/**
 * Does this Node run TypeScript as it is? Type stripping is stable since 24.12 and 25.2; above 26 nothing was tried.
 *
 * @param {string} version as in process.versions.node
 */
export function runsTypeScript(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major === 24) return minor >= 12;
  if (major === 25) return minor >= 2;
  return major === 26;
}
