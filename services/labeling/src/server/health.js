/** Succeed if labels can be stored. Otherwise, print why not. */
const response = await fetch("http://127.0.0.1:8080/health");
if (!response.ok) {
  console.log((await response.json()).error);
  process.exitCode = 1;
}
