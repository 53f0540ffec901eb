#include "cli/session.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/result.h"

namespace forebay::cli {
namespace {

// The command to run next, where one is obvious. TOPIC stands for the topic that the command is about.
constexpr std::string_view kTopicPlace = "TOPIC";
struct Advice {
  ErrorCode code;
  std::string_view next;
};
constexpr std::array<Advice, 7> kAdvice{
    {{ErrorCode::kUnknownTopic, "see: forebay topic list"},
     {ErrorCode::kUnknownPartition, "see: forebay topic describe TOPIC"},
     {ErrorCode::kOffsetOutOfRange, "see: forebay offsets TOPIC"},
     {ErrorCode::kUnavailable, "see: forebay doctor"},
     {ErrorCode::kDataLoss, "see: forebay health"},
     {ErrorCode::kDiskFull, "see: forebay topic trim --help"},
     {ErrorCode::kRecordTooLarge, "see: forebay topic alter TOPIC --config max.message.bytes=SIZE"}}};

}  // namespace

Session::Session(Globals globals, int output_descriptor, int error_descriptor)
    : globals_(std::move(globals)), out_(output_descriptor), error_descriptor_(error_descriptor) {
  terminal_errors_ = ::isatty(error_descriptor_) == 1;
}
Session::~Session() = default;

void Session::print(const Value& value, const View& view) {
  out_.write(render(value, view, globals_.format));
}

void Session::raw_error(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(error_descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return;  // nobody is left to be told
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Session::line(std::string_view head, std::string_view text) {
  out_.flush();  // what was printed before stays before it on a terminal
  std::string whole;
  const bool color = terminal_errors_ && !globals_.no_color && !head.empty();
  if (color) whole += "\x1b[31m";
  whole += head;
  if (color) whole += "\x1b[0m";
  whole += text;
  whole += '\n';
  raw_error(whole);
}

void Session::note(std::string_view text) {
  if (!globals_.quiet) line("", text);
}
void Session::detail(std::string_view text) {
  if (globals_.verbosity != 0) line("", text);
}
void Session::warn(std::string_view text) { line("warning: ", text); }

// Nothing when it needs a topic and the command is about none, or about several.
std::string Session::advice(ErrorCode code) const {
  for (const Advice& one : kAdvice) {
    if (one.code != code) continue;
    std::string next(one.next);
    if (const auto at = next.find(kTopicPlace); at != std::string::npos) {
      if (topic_.empty()) return "";
      next.replace(at, kTopicPlace.size(), topic_);
    }
    return next + servers_option(code);
  }
  return "";
}

// doctor is to look at the brokers that this command was to reach.
std::string Session::servers_option(ErrorCode code) const {
  if (code != ErrorCode::kUnavailable || globals_.servers_from != Globals::ServersFrom::kFlag) return "";
  std::string list;
  for (const std::string& server : globals_.servers) list += (list.empty() ? "" : ",") + server;
  return " --server " + list;
}

ExitCode Session::fail(const Error& error) {
  line("error: ", error.to_string());
  if (const std::string next = advice(error.code); !next.empty()) note(next);
  return exit_code_of(error.code);
}

ExitCode Session::fail(ExitCode code, std::string_view text) {
  line("error: ", text);
  return code;
}

ExitCode Session::fail_item(std::string_view item, const Error& error) {
  line("error: ", std::string(item) + ": " + error.to_string());
  return exit_code_of(error.code);
}

std::optional<ExitCode> Session::confirm(std::string_view question) {
  if (globals_.yes) return std::nullopt;
  if (::isatty(STDIN_FILENO) != 1 || !terminal_errors_) {
    return fail(ExitCode::kUsage,
                "this asks first, and there is no terminal to ask on: add --yes to do it. The question: " +
                    std::string(question));
  }
  out_.flush();
  raw_error(std::string(question) + " [y/N] ");
  std::string answer;
  char c = 0;
  while (answer.size() < 16) {
    const ssize_t count = ::read(STDIN_FILENO, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || c == '\n') break;
    answer += c;
  }
  if (answer == "y" || answer == "Y" || answer == "yes") return std::nullopt;
  note("nothing was done");
  return ExitCode::kFailure;
}

ClientOptions Session::client_options() const {
  ClientOptions options;
  options.servers = globals_.servers;
  options.request_timeout = timeout();
  options.client_id = "forebay";
  return options;
}

Result<Admin*> Session::admin() {
  if (!admin_) {
    FOREBAY_TRY(admin_, Admin::create(client_options()));
  }
  return admin_.get();
}

Result<SchemaRegistry*> Session::registry() {
  if (!registry_) {
    FOREBAY_TRY(registry_, SchemaRegistry::create(client_options()));
  }
  return registry_.get();
}

}  // namespace forebay::cli
