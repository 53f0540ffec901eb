#include "schema/refresh_question.h"

#include <vector>

#include "log/core/wire.h"

namespace forebay::schema {
namespace {

constexpr std::byte kMark{4};
constexpr std::uint8_t kVersion = 1;

}  // namespace

bool is_refresh(ByteSpan bytes) { return !bytes.empty() && bytes.front() == kMark; }

std::string encode_refresh() { return {static_cast<char>(kMark), static_cast<char>(kVersion)}; }

std::string encode_refresh_answer(model::Offset applied) {
  std::vector<std::byte> bytes;
  log::WireWriter out(bytes);
  out.put(kVersion);
  out.put(applied.value());
  return std::string(as_text(bytes));
}

Result<model::Offset> decode_refresh_answer(const std::string& bytes) {
  log::WireReader in(as_bytes(bytes));
  const bool known = in.get<std::uint8_t>() == kVersion;
  const auto offset = in.get<std::int64_t>();
  if (!known || !in.finished() || offset < 0)
    return Error{ErrorCode::kInvalidArgument, "the answer of the schema registry's leader cannot be read"};
  return model::Offset(offset);
}

}  // namespace forebay::schema
