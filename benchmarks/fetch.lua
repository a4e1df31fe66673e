-- What wrk asks: files of N devices at random, on a connection each or kept ones.
-- Arguments: first MAC, devices, "close" or "keep", User-Agent, seed.

local first, count, closing, agent

local function name(index)
   return string.format("%012x", first + index)
end

function init(args)
   first, count = tonumber(args[1]), tonumber(args[2])
   closing = args[3] == "close" and "Connection: close\r\n" or ""
   agent = args[4]
   math.randomseed(tonumber(args[5]))
end

function request()
   local index = math.random(0, count - 1)
   return "GET /provision/" .. name(index) .. ".cfg HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: "
      .. agent .. "\r\n" .. closing .. "\r\n"
end

function done(summary, latency)
   local wrong = summary.errors
   print(string.format(
      'JSON {"answers": %d, "seconds": %.6f, "bytes": %d, "p50_ms": %.3f, "p99_ms": %.3f, '
      .. '"refused": %d, "broken": %d}',
      summary.requests, summary.duration / 1e6, summary.bytes,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
      wrong.status, wrong.connect + wrong.read + wrong.write + wrong.timeout))
end
