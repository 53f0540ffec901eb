#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>

#include "cli/completion.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/parser.h"
#include "cli/verbs/verbs.h"
#include "io/standard_descriptors.h"

namespace forebay::cli {
namespace {

constexpr int kMallocMmapBytes = 32 << 20;
constexpr int kMallocTrimBytes = 128 << 20;
constexpr std::string_view kCompleteWord = "__complete";
constexpr std::string_view kReferenceWord = "__reference";    // for docs/cli.md
constexpr std::chrono::milliseconds kCompletionTimeout{700};  // somebody waits with a finger on the Tab key

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

// --server of a line that is still being written; else the variable.
std::optional<std::string> servers_of(const std::vector<std::string>& words) {
  constexpr std::string_view kWithValue = "--server=";
  auto servers = variable("FOREBAY_SERVERS");
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {  // the last word is not finished
    if (words[i].starts_with(kWithValue)) servers = words[i].substr(kWithValue.size());
    if ((words[i] == "-s" || words[i] == "--server") && i + 2 < words.size()) servers = words[i + 1];
  }
  return servers;
}

std::vector<std::string> topic_names(const std::vector<std::string>& words) {
  ClientOptions options;
  options.request_timeout = kCompletionTimeout;
  if (const auto servers = servers_of(words); servers && !servers->empty()) {
    auto parsed = parse_servers(*servers);
    if (!parsed) return {};
    options.servers = *parsed;
  }
  std::vector<std::string> names;
  auto admin = Admin::create(options);
  if (!admin) return names;
  const auto topics = (*admin)->list_topics();
  if (!topics) return names;
  for (const TopicSummary& topic : *topics) names.push_back(topic.name);
  return names;
}

int run_completion_words(const std::vector<Command>& commands, const std::vector<std::string>& words) {
  Globals unused;
  const Candidates candidates =
      complete(commands, global_options(&unused), words, [&] { return topic_names(words); });
  OutputStream out(STDOUT_FILENO);
  if (candidates.files) out.write(":files\n");
  for (const std::string& word : candidates.words) out.write(word + '\n');
  return 0;
}

ExitCode run_parsed(const std::vector<Command>& commands, const Parsed& parsed) {
  Session session(parsed.globals, STDOUT_FILENO, STDERR_FILENO);
  Globals unused;
  if (parsed.command == nullptr) {
    const std::string help = parsed.noun.empty() ? overview_help(commands) : noun_help(commands, parsed.noun);
    if (parsed.globals.help) {
      session.out().write(help);
      return ExitCode::kOk;
    }
    session.raw_error(help);
    return ExitCode::kUsage;
  }
  if (parsed.globals.help) {
    session.out().write(command_help(*parsed.command, global_options(&unused)));
    return ExitCode::kOk;
  }
  if (parsed.globals.output == "help") {
    session.out().write(parsed.command->json_shape + '\n');
    return ExitCode::kOk;
  }
  const ExitCode code = parsed.command->run(session);
  session.out().flush();
  if (session.out().failed() && code == ExitCode::kOk) {
    return session.fail(ExitCode::kFailure, std::string("cannot write the output: ") +
                                                std::strerror(session.out().error_number()));
  }
  return code;
}

int run(const std::vector<std::string>& words) {
  install_signal_handlers();
  const std::vector<Command> commands = all_commands();
  if (!words.empty() && words.front() == kCompleteWord) {
    return run_completion_words(commands, {words.begin() + 1, words.end()});
  }
  if (!words.empty() && words.front() == kReferenceWord) {
    OutputStream(STDOUT_FILENO).write(reference_markdown(commands));
    return 0;
  }
  auto parsed = parse_command_line(commands, words, variable("FOREBAY_SERVERS"));
  if (!parsed) {
    Session session({}, STDOUT_FILENO, STDERR_FILENO);
    return static_cast<int>(session.fail(ExitCode::kUsage, parsed.error().context));
  }
  if (const auto no_color = variable("NO_COLOR"); no_color && !no_color->empty())
    parsed->globals.no_color = true;
  return static_cast<int>(run_parsed(commands, *parsed));
}

}  // namespace
}  // namespace forebay::cli

int main(int count, char** arguments) {
  if (!forebay::io::standard_descriptors_are_reserved())
    return static_cast<int>(forebay::cli::ExitCode::kFailure);
  // Messages of a megabyte come and go all the time. By default glibc gives their memory back at once and
  // takes zeroed pages for the next one: two thirds of the CPU time of `perf consume`. Reading ahead is
  // bounded anyway.
  mallopt(M_MMAP_THRESHOLD, forebay::cli::kMallocMmapBytes);
  mallopt(M_TRIM_THRESHOLD, forebay::cli::kMallocTrimBytes);
  try {
    return forebay::cli::run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {  // memory exhausted, and what a library throws against expectation
    forebay::cli::Session session({}, STDOUT_FILENO, STDERR_FILENO);
    return static_cast<int>(session.fail(forebay::cli::ExitCode::kFailure, error.what()));
  }
}
