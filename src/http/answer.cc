#include "http/answer.h"

#include <nlohmann/json.hpp>

namespace forebay::http {
namespace {

std::string_view meaning_of(int status) {
  switch (status) {
    case 400:
      return "the request is not HTTP/1.1";
    case 408:
      return "the request took too long to arrive";
    case 413:
      return "the body is too large";
    case 414:
      return "the request line is too long";
    case 431:
      return "the headers are too large";
    case 500:
      return "the handler failed; see the log";
    case 501:
      return "this Transfer-Encoding is not supported; send chunked, or Content-Length";
    case 503:
      return "the node serves as many HTTP requests as it can; try again";
    default:
      return "the request cannot be answered";
  }
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Entity";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return status < 400 ? "OK" : "Error";
  }
}

Answer refusal(int status) {
  // "error" is what the node's own routes say; the others are what clients of a schema registry read.
  const std::string meaning(meaning_of(status));
  const nlohmann::json body = {{"error", meaning}, {"error_code", status}, {"message", meaning}};
  return answer_of({status, "application/json", body.dump() + "\n", {}}, false, true);
}

Answer answer_of(const Response& response, bool head_only, bool close) {
  Answer answer{"HTTP/1.1 " + std::to_string(response.status) + ' ', close};
  answer.bytes.reserve(256 + (head_only ? 0 : response.body.size()));
  answer.bytes.append(reason_phrase(response.status)).append("\r\n");
  if (!response.content_type.empty())
    answer.bytes.append("Content-Type: ").append(response.content_type).append("\r\n");
  if (!response.allow.empty()) answer.bytes.append("Allow: ").append(response.allow).append("\r\n");
  if (response.status != 204)  // which has no body, and must not say so
    answer.bytes.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  if (close) answer.bytes.append("Connection: close\r\n");
  answer.bytes.append("\r\n");
  if (!head_only && response.status != 204) answer.bytes.append(response.body);
  return answer;
}

}  // namespace forebay::http
