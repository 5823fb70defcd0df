// What the image's HEALTHCHECK runs: exit code 0 when the node in this container says that it can serve.
import { get } from "node:http";

const port = process.env.METADATA_ID ? 8180 : 8080;

get({ host: "127.0.0.1", port, path: "/readyz", timeout: 2500 }, (response) => {
  process.exitCode = response.statusCode === 200 ? 0 : 1;
  response.resume();
})
  .on("timeout", () => process.exit(1))
  .on("error", () => (process.exitCode = 1));
