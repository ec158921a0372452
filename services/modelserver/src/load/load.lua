-- Post the body in a file, and print wrk's measurements at the end.
local file = assert(io.open(os.getenv("LOAD_BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
file:close()

function done(summary, latency)
  local errors = summary.errors
  print(string.format("%-11s answered=%d refused=%d failed=%d p50=%.1f ms p99=%.1f ms rate=%.0f requests/s",
    os.getenv("LOAD_NAME"), summary.requests - errors.status, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, summary.requests / summary.duration * 1e6))
end
