#include "schema/core/protobuf/proto_layout.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;

constexpr std::uint32_t kSlotsMax = 128;  // numbers above are searched for

Wire wire_of(pb::FieldDescriptor::Type type) {
  switch (type) {
    case pb::FieldDescriptor::TYPE_DOUBLE:
    case pb::FieldDescriptor::TYPE_FIXED64:
    case pb::FieldDescriptor::TYPE_SFIXED64:
      return Wire::kFixed64;
    case pb::FieldDescriptor::TYPE_FLOAT:
    case pb::FieldDescriptor::TYPE_FIXED32:
    case pb::FieldDescriptor::TYPE_SFIXED32:
      return Wire::kFixed32;
    case pb::FieldDescriptor::TYPE_STRING:
    case pb::FieldDescriptor::TYPE_BYTES:
    case pb::FieldDescriptor::TYPE_MESSAGE:
      return Wire::kBytes;
    case pb::FieldDescriptor::TYPE_GROUP:
      return Wire::kStartGroup;
    default:
      return Wire::kVarint;
  }
}

bool has_required(const pb::Descriptor& message) {
  for (int i = 0; i < message.field_count(); ++i) {
    if (message.field(i)->is_required()) return true;
  }
  return false;
}

class Builder {
 public:
  explicit Builder(const Schema& schema) : schema_(schema) {}

  Layout build() {
    for (int i = 0; i < schema_.file->message_type_count(); ++i) declared(*schema_.file->message_type(i));
    for (std::size_t i = 0; i < order_.size(); ++i) layout_.messages.push_back(message(*order_[i]));
    return std::move(layout_);
  }

 private:
  void declared(const pb::Descriptor& message) {
    index_of(message);
    for (int i = 0; i < message.nested_type_count(); ++i) declared(*message.nested_type(i));
  }
  std::uint32_t index_of(const pb::Descriptor& message) {
    const auto [known, is_new] =
        layout_.indexes.try_emplace(&message, static_cast<std::uint32_t>(order_.size()));
    if (is_new) order_.push_back(&message);
    return known->second;
  }

  MessageLayout message(const pb::Descriptor& message) {
    std::vector<const pb::FieldDescriptor*> fields;
    // Of the old wire format of sets nothing inside is looked at.
    if (!message.options().message_set_wire_format()) {
      if (message.extension_range_count() > 0) schema_.pool->FindAllExtensions(&message, &fields);
      for (int i = 0; i < message.field_count(); ++i) fields.push_back(message.field(i));
    }
    std::sort(fields.begin(), fields.end(),
              [](const auto* a, const auto* b) { return a->number() < b->number(); });
    MessageLayout layout;
    layout.begin = static_cast<std::uint32_t>(layout_.fields.size());
    layout.end = layout.begin + static_cast<std::uint32_t>(fields.size());
    layout.slots = static_cast<std::uint32_t>(layout_.slots.size());
    for (const pb::FieldDescriptor* one : fields) {
      const auto number = static_cast<std::uint32_t>(one->number());
      if (number < kSlotsMax) {
        layout.slot_count = number + 1;
        layout_.slots.resize(layout.slots + layout.slot_count, Layout::kNoField);
        layout_.slots.back() = static_cast<std::uint32_t>(layout_.fields.size());
      }
      layout_.fields.push_back(field(*one, message, layout.required_count));
    }
    return layout;
  }

  FieldLayout field(const pb::FieldDescriptor& one, const pb::Descriptor& message,
                    std::uint32_t& required_count) {
    FieldLayout layout;
    layout.number = static_cast<std::uint32_t>(one.number());
    layout.wire = wire_of(one.type());
    layout.is_packable = one.is_packable();
    layout.field = &one;
    // A value that is left out of a map is an empty message.
    const bool is_value = message.options().map_entry() && one.message_type() != nullptr;
    if (one.is_required() || (is_value && has_required(*one.message_type())))
      layout.required = required_count++;
    const bool is_proto3 = one.file()->syntax() == pb::FileDescriptor::SYNTAX_PROTO3;
    if (is_proto3 && one.type() == pb::FieldDescriptor::TYPE_STRING)
      layout.inside = FieldLayout::Inside::kUtf8;
    if (one.message_type() != nullptr) {
      layout.message = index_of(*one.message_type());
      layout.inside =
          layout.wire == Wire::kStartGroup ? FieldLayout::Inside::kGroup : FieldLayout::Inside::kMessage;
    }
    if (one.enum_type() != nullptr && one.is_required()) layout.inside = FieldLayout::Inside::kRequiredEnum;
    return layout;
  }

  const Schema& schema_;
  Layout layout_;
  std::vector<const pb::Descriptor*> order_;
};

}  // namespace

const FieldLayout* Layout::find_slowly(const MessageLayout& message, std::uint32_t number) const {
  const auto begin = fields.begin() + message.begin, end = fields.begin() + message.end;
  const auto found = std::lower_bound(
      begin, end, number, [](const FieldLayout& one, std::uint32_t wanted) { return one.number < wanted; });
  return found == end || found->number != number ? nullptr : &*found;
}

std::size_t Layout::memory_bytes() const {
  return messages.size() * (sizeof(MessageLayout) + 64) + fields.size() * sizeof(FieldLayout) +
         slots.size() * sizeof(std::uint32_t);
}

Layout layout_of(const Schema& schema) { return Builder(schema).build(); }

}  // namespace forebay::schema::protobuf
