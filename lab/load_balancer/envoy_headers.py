"""What an ALB does to the header fields of a request, as a Lua filter; and its own answers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

Document = dict[str, Any]

SERVER = "awselb/2.0"

# The phrases of an ALB's own pages; they are not all HTTP's.
_PHRASES = {
    301: "Moved Permanently",
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
# routing.http.drop_invalid_header_fields.enabled: names must be of [A-Za-z0-9-]+.
_DROP_INVALID = """
  local invalid = {}
  for name, _ in pairs(request:headers()) do
    if string.sub(name, 1, 1) ~= ":" and not string.find(name, "^[%w-]+$") then
      table.insert(invalid, name)
    end
  end
  for _, name in ipairs(invalid) do
    request:headers():remove(name)
  end
"""

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
_TRACE = """
  local given = request:headers():get("x-amzn-trace-id")
  local own = "1-" .. string.format("%08x", os.time()) .. "-" .. random_hex(24)
  if given == nil or not string.find(given, "Root=", 1, true) then
    request:headers():replace("x-amzn-trace-id", "Root=" .. own)
  else
    local rest = string.gsub(given, "Self=[^;]*;?", "")
    request:headers():replace("x-amzn-trace-id", "Self=" .. own .. ";" .. rest)
  end
"""

_LUA = """
-- Each worker has its own interpreter, and an unseeded generator would begin alike in all of them.
math.randomseed(os.time() + tonumber(string.match(tostring({}), "0x(%x+)"), 16) % 2147483647)
function random_hex(digits)
  local text = ""
  for i = 1, digits do text = text .. string.format("%x", math.random(0, 15)) end
  return text
end
function envoy_on_request(request)
%BODY%
end
"""


def request_filter(*, drop_invalid: bool) -> Document:
    """The HTTP filter that does what Envoy's own options do not."""
    body = (_DROP_INVALID if drop_invalid else "") + _TRACE
    return {
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": _LUA.replace("%BODY%", body)},
        },
    }


def own_answers() -> Document:
    """`local_reply_config`: the statuses, pages and header fields of answers that no target gave.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    504: connecting took over 10 s, or nothing came within the idle timeout. 503: no target. 502: everything else.
    """
    return {
        "mappers": [
            _mapper(504, details="response.code_details.contains('connection_timeout')"),
            # Envoy's 503 without the flag UH is a target that refused, reset, or failed its handshake.
            _mapper(502, details="response.code == 503 && response.code_details != 'no_healthy_upstream'"),
            *(_mapper(code, details=f"response.code == {code}") for code in sorted(_PHRASES)),
            _mapper(None, details="true"),
        ]
    }


def _mapper(code: int | None, *, details: str) -> Document:
    answer: Document = {
        "filter": {
            "extension_filter": {
                "name": "envoy.access_loggers.extension_filters.cel",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                    "expression": details,
                },
            }
        },
        "headers_to_add": [
            {"header": {"key": "server", "value": SERVER}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ],
    }
    if code is not None:
        answer["status_code"] = code
        answer["body_format_override"] = {
            "text_format_source": {"inline_string": page(code).replace("%", "%%")},
            "content_type": "text/html",
        }
    return answer


def page(code: int) -> str:
    """The body of an ALB's own answer."""
    title = f"{code} {_PHRASES.get(code) or HTTPStatus(code).phrase}"
    lines = (
        "<html>",
        f"<head><title>{title}</title></head>",
        "<body>",
        f"<center><h1>{title}</h1></center>",
        "</body>",
        "</html>",
    )
    return "\r\n".join(lines) + "\r\n"
