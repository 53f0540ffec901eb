#include "kv/key_value_store.h"

namespace forebay::kv {

KeyRange KeyRange::prefix(std::string_view prefix) {
  // The first key behind all that start with it: the last byte that can be raised is, and what follows it
  // goes.
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (end.empty()) return {std::string(prefix), std::nullopt};
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return {std::string(prefix), std::move(end)};
}

Result<void> check_keys(const WriteBatch& batch) {
  for (const WriteBatch::Change& change : batch.changes()) {
    std::size_t size = 0;
    if (const auto* put = std::get_if<WriteBatch::Put>(&change))
      size = put->key.size();
    else if (const auto* remove = std::get_if<WriteBatch::Remove>(&change))
      size = remove->key.size();
    if (size > kKeyBytesMax) {
      return Error{ErrorCode::kInvalidArgument, "key of " + std::to_string(size) + " bytes; at most " +
                                                    std::to_string(kKeyBytesMax) + " are allowed"};
    }
  }
  return {};
}

Result<ExportPiece> export_piece(const View& view, const KeyRange& range, std::size_t bytes_max) {
  ExportPiece piece;
  std::size_t bytes = 0;
  FOREBAY_CHECK(view.scan(range, [&](std::string_view key, std::string_view value) {
    if (!piece.entries.empty() && bytes + key.size() + value.size() > bytes_max) {
      piece.next = std::string(key);
      return false;
    }
    bytes += key.size() + value.size();
    piece.entries.push_back({std::string(key), std::string(value)});
    return true;
  }));
  return piece;
}

}  // namespace forebay::kv
