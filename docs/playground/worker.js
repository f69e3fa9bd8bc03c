/* The reference in a thread of its own, so that the page does not stand still while Python starts and works.
   All files come from beside this one. */
import { loadPyodide } from "./pyodide/pyodide.mjs";

async function start() {
  const here = new URL(".", import.meta.url);
  const [python, archive] = await Promise.all([
    loadPyodide({ indexURL: new URL("pyodide/", here).href }),
    fetch(new URL("reference.zip", here)).then((answer) => {
      if (!answer.ok) throw new Error(`reference.zip: status ${answer.status}`);
      return answer.arrayBuffer();
    }),
  ]);
  python.unpackArchive(archive, "zip");
  return python.runPython("from docs.playground.driver import call; call");
}

const ready = start();
ready.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ failed: String(error) }),
);

addEventListener("message", async (event) => {
  const call = await ready;
  postMessage({ number: event.data.number, result: call(event.data.order) });
});
