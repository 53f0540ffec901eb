#include "schema/core/protobuf/proto_limits.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <string>

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;

Error too_large(const std::string& what, std::size_t most) {
  return {ErrorCode::kRecordTooLarge, what + "; at most " + std::to_string(most)};
}

class Nesting {
 public:
  Nesting(std::string_view text, std::size_t most) : text_(text), most_(most) {}

  Result<void> check() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_string(c);
      } else if (text_.substr(at_).starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_).starts_with("/*")) {
        skip_comment();
      } else {
        if (!count(c)) {
          return too_large("line " + std::to_string(line_) + ", column " + std::to_string(at_ - begin_ + 1) +
                               ": brackets are nested too deep",
                           most_);
        }
        step();
      }
    }
    return {};
  }

 private:
  void step() {
    if (text_[at_++] == '\n') {
      ++line_;
      begin_ = at_;
    }
  }
  // A string ends with its line, also without its quote.
  void skip_string(char quote) {
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        return;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
    }
  }
  void skip_comment() {
    at_ += 2;
    while (at_ < text_.size() && !text_.substr(at_).starts_with("*/")) step();
    at_ = std::min(at_ + 2, text_.size());
  }
  bool count(char c) {
    if (c == '{' || c == '<' || c == '[' || c == '(') return ++depth_ <= most_;
    if ((c == '}' || c == '>' || c == ']' || c == ')') && depth_ > 0) --depth_;
    return true;
  }

  std::string_view text_;
  std::size_t most_, at_ = 0, begin_ = 0, line_ = 1, depth_ = 0;
};

class Size {
 public:
  Size(const Limits& limits, Tally& tally) : limits_(limits), tally_(tally) {}

  Result<void> file(const pb::FileDescriptorProto& file) {
    const auto parts = std::count(file.package().begin(), file.package().end(), '.');
    if (static_cast<std::size_t>(parts) >= limits_.depth_max)
      return too_large("the package has too many parts", limits_.depth_max);
    FOREBAY_CHECK(options(file.options()));
    const std::size_t scope = file.package().size();
    for (const auto& one : file.message_type()) FOREBAY_CHECK(message(one, scope, 1));
    for (const auto& one : file.enum_type()) FOREBAY_CHECK(enumeration(one, scope));
    for (const auto& one : file.extension()) FOREBAY_CHECK(field(one, scope));
    for (const auto& one : file.service()) FOREBAY_CHECK(service(one, scope));
    return {};
  }

 private:
  Result<void> message(const pb::DescriptorProto& message, std::size_t scope, std::size_t depth) {
    if (depth > limits_.depth_max) return too_large("messages are nested too deep", limits_.depth_max);
    if (++tally_.types > limits_.types_max) return too_large("too many types", limits_.types_max);
    FOREBAY_CHECK(name(message.name(), scope));
    FOREBAY_CHECK(options(message.options()));
    if (message.reserved_range_size() + message.extension_range_size() > kRangesMax)
      return too_large("message '" + message.name() + "' has too many reserved and extension ranges",
                       kRangesMax);
    scope += message.name().size() + 1;
    for (const auto& one : message.field()) FOREBAY_CHECK(field(one, scope));
    for (const auto& one : message.extension()) FOREBAY_CHECK(field(one, scope));
    for (const auto& one : message.extension_range()) FOREBAY_CHECK(options(one.options()));
    for (const auto& one : message.oneof_decl()) {
      FOREBAY_CHECK(name(one.name(), scope));
      FOREBAY_CHECK(options(one.options()));
    }
    for (const auto& one : message.enum_type()) FOREBAY_CHECK(enumeration(one, scope));
    for (const auto& one : message.nested_type()) FOREBAY_CHECK(this->message(one, scope, depth + 1));
    return {};
  }
  Result<void> field(const pb::FieldDescriptorProto& field, std::size_t scope) {
    FOREBAY_CHECK(name(field.name(), scope));
    return options(field.options());
  }
  Result<void> enumeration(const pb::EnumDescriptorProto& one, std::size_t scope) {
    if (++tally_.types > limits_.types_max) return too_large("too many types", limits_.types_max);
    FOREBAY_CHECK(name(one.name(), scope));
    FOREBAY_CHECK(options(one.options()));
    if (one.reserved_range_size() > kRangesMax)
      return too_large("enum '" + one.name() + "' has too many reserved ranges", kRangesMax);
    for (const auto& value : one.value()) {
      FOREBAY_CHECK(name(value.name(), scope + one.name().size() + 1));
      FOREBAY_CHECK(options(value.options()));
    }
    return {};
  }
  Result<void> service(const pb::ServiceDescriptorProto& one, std::size_t scope) {
    if (++tally_.types > limits_.types_max) return too_large("too many types", limits_.types_max);
    FOREBAY_CHECK(name(one.name(), scope));
    FOREBAY_CHECK(options(one.options()));
    for (const auto& method : one.method()) {
      FOREBAY_CHECK(name(method.name(), scope + one.name().size() + 1));
      FOREBAY_CHECK(options(method.options()));
    }
    return {};
  }
  Result<void> name(const std::string& name, std::size_t scope) {
    ++tally_.elements;
    tally_.names_bytes += scope + name.size();
    if (tally_.names_bytes > kNamesBytesMax)
      return too_large("the full names take too many bytes", kNamesBytesMax);
    return {};
  }
  template <typename Options>
  Result<void> options(const Options& options) {
    if (options.uninterpreted_option_size() > kOptionsMax)
      return too_large("one element has too many options", kOptionsMax);
    int parts = 0;
    for (const auto& option : options.uninterpreted_option()) {
      if (static_cast<std::size_t>(option.name_size()) > limits_.depth_max)
        return too_large("the name of an option has too many parts", limits_.depth_max);
      parts += option.name_size();
    }
    if (parts > kOptionsMax)
      return too_large("the names of one element's options have too many parts", kOptionsMax);
    return {};
  }

  const Limits& limits_;
  Tally& tally_;
};

}  // namespace

Result<void> check_nesting(std::string_view text, const Limits& limits) {
  return Nesting(text, limits.depth_max).check();
}

Result<void> check_size(const pb::FileDescriptorProto& file, const Limits& limits, Tally& tally) {
  return Size(limits, tally).file(file);
}

}  // namespace forebay::schema::protobuf
