import { enableCompileCache } from "node:module";

// Before anything else is imported: it halves the time until the broker serves (PERFORMANCE "Startup").
enableCompileCache();
const { run } = await import("./process.ts");
await run(process.argv.slice(2), process.env);
