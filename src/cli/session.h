// What every verb gets: the global options, standard output, standard error, and the way to the brokers.
// Thread rules: one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/exit_code.h"
#include "cli/output.h"
#include "forebay/admin.h"
#include "forebay/client_options.h"
#include "forebay/schema_registry.h"

namespace forebay::cli {

inline constexpr std::chrono::milliseconds kTimeoutDefault{30'000};

struct Globals {
  std::vector<std::string> servers{std::string(kDefaultServer)};
  enum class ServersFrom : std::uint8_t {
    kDefault,
    kEnvironment,
    kFlag
  } servers_from = ServersFrom::kDefault;
  // As given with -o: text, wide, json, yaml, help; `consume` also takes a template.
  std::string output = "text";
  Format format = Format::kText;
  std::optional<std::chrono::milliseconds> timeout;
  std::uint32_t verbosity = 0;
  bool quiet = false;
  bool yes = false;
  bool no_color = false;
  bool help = false;
};

class Session {
 public:
  Session(Globals globals, int output_descriptor, int error_descriptor);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  [[nodiscard]] const Globals& globals() const { return globals_; }
  [[nodiscard]] OutputStream& out() { return out_; }
  [[nodiscard]] bool is_text() const {
    return globals_.format == Format::kText || globals_.format == Format::kWide;
  }
  [[nodiscard]] std::chrono::milliseconds timeout() const {
    return globals_.timeout.value_or(kTimeoutDefault);
  }

  void print(const Value& value, const View& view);

  void note(std::string_view line);    // what happens; silenced by -q
  void detail(std::string_view line);  // only with -v
  void warn(std::string_view line);    // silenced by nothing
  // The one topic that the command is about, for what to do next.
  void about(std::string_view topic) { topic_ = topic; }
  // "error: ..." with what to do next. Returns the exit code that belongs to it.
  ExitCode fail(const Error& error);
  ExitCode fail(ExitCode code, std::string_view line);
  ExitCode fail_item(std::string_view item, const Error& error);

  // Asks on the terminal before something that is hard to undo, or cannot be; `--yes` answers it. nullopt: go
  // on. Without a terminal and without the flag it refuses (kUsage); the answer no is kFailure.
  [[nodiscard]] std::optional<ExitCode> confirm(std::string_view question);

  [[nodiscard]] bool terminal_errors() const { return terminal_errors_; }  // standard error is a terminal
  void raw_error(std::string_view bytes);

  [[nodiscard]] ClientOptions client_options() const;
  // Made on first use.
  [[nodiscard]] Result<Admin*> admin();
  [[nodiscard]] Result<SchemaRegistry*> registry();

 private:
  void line(std::string_view head, std::string_view text);
  [[nodiscard]] std::string advice(ErrorCode code) const;
  [[nodiscard]] std::string servers_option(ErrorCode code) const;

  Globals globals_;
  std::string topic_;
  OutputStream out_;
  int error_descriptor_;
  bool terminal_errors_ = false;
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<SchemaRegistry> registry_;
};

}  // namespace forebay::cli
