#include "model/record.h"

namespace forebay::model {
namespace {

std::optional<std::string> owned_text(const std::optional<ByteSpan>& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(as_text(*bytes));
}

}  // namespace

Record owned(const RecordView& view) {
  Record record{owned_text(view.key), owned_text(view.value), {}, view.timestamp};
  record.headers.reserve(view.headers.size());
  for (const HeaderView& header : view.headers) {
    record.headers.push_back({std::string(header.name), owned_text(header.value)});
  }
  return record;
}

}  // namespace forebay::model
