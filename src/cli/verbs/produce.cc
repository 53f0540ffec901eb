// produce: one record per line of a file or of standard input.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/result.h"
#include "cli/count_text.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/ndjson.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/source_file.h"
#include "cli/verbs/produce_ledger.h"
#include "cli/verbs/record_schemas.h"
#include "cli/verbs/schema.h"
#include "cli/verbs/verbs.h"
#include "config/units.h"
#include "forebay/named_producer.h"
#include "forebay/producer.h"

namespace forebay::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kDeliveryTimeoutDefault{120'000};
constexpr std::chrono::milliseconds kRoomWait{50};
constexpr std::chrono::milliseconds kInterruptedFlush{5'000};

struct ProduceOptions {
  std::string topic;
  std::string file = "-";
  std::string format = "lines";
  FieldNames fields;
  std::optional<std::string> key_separator;
  std::vector<std::pair<std::string, std::string>> headers;
  bool null_value = false;
  std::optional<std::int32_t> partition;
  std::string acks = "all";
  std::string compression = "none";
  std::optional<std::chrono::milliseconds> linger;
  std::optional<std::string> acked_file;
  bool skip_bad = false;
  std::optional<std::string> name;
  std::optional<std::string> schema, key_schema;
};

// A descriptor that is closed with it, unless it is a standard one.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ > STDERR_FILENO) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

// A line as a record; the views point into the line and into `fields`.
struct LineRecord {
  RecordView record;
  Fields fields;
  std::vector<HeaderView> headers;
};

class LineParser {
 public:
  explicit LineParser(const ProduceOptions& options) : options_(options) {}

  // False: the line holds no record (a blank line of NDJSON).
  [[nodiscard]] Result<bool> parse(std::string_view line, LineRecord& out) const {
    out.record = {};
    out.headers.clear();
    if (options_.format == "ndjson") {
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) return false;
      FOREBAY_TRY(out.fields, read_fields(line, options_.fields));
      out.record.value = line;
      if (out.fields.key) out.record.key = *out.fields.key;
      out.record.event_time_ms = out.fields.time_ms;
      if (out.fields.id) out.headers.push_back({"ce_id", *out.fields.id});
    } else {
      FOREBAY_CHECK(parse_plain(line, out));
    }
    for (const auto& [name, value] : options_.headers) out.headers.push_back({name, value});
    out.record.headers = out.headers;
    return true;
  }

 private:
  Result<void> parse_plain(std::string_view line, LineRecord& out) const {
    out.record.value = line;
    if (options_.key_separator) {
      const std::size_t at = line.find(*options_.key_separator);
      if (at != std::string_view::npos) {
        out.record.key = line.substr(0, at);
        out.record.value = line.substr(at + options_.key_separator->size());
      } else {
        return Error{ErrorCode::kInvalidArgument, "no key separator '" + *options_.key_separator + "' in it"};
      }
    }
    if (options_.null_value && out.record.value->empty()) out.record.value.reset();
    return {};
  }
  const ProduceOptions& options_;
};

class Production {
 public:
  Production(Session& session, const ProduceOptions& options, int input, int acked)
      : session_(session),
        options_(options),
        input_(input),
        ledger_(acked),
        reader_(input, kLineBytesMax),
        parser_(options),
        delivery_timeout_(session.globals().timeout.value_or(kDeliveryTimeoutDefault)) {
    struct stat status {};
    if (::fstat(input, &status) == 0 && S_ISREG(status.st_mode)) {
      input_bytes_ = static_cast<std::uint64_t>(status.st_size);
    }
  }

  ExitCode run() {
    const auto started = Clock::now();
    ProducerOptions options;
    options.acks = *parse_acks(options_.acks);
    options.compression = *parse_compression(options_.compression);
    options.linger = options_.linger.value_or(std::chrono::milliseconds(0));
    options.when_full = WhenFull::kFail;
    options.block_timeout = session_.timeout();
    options.delivery_timeout = delivery_timeout_;
    options.sink = &ledger_;
    if (options_.schema || options_.key_schema) {
      auto encoder = RecordEncoder::make(session_, options_.schema, options_.key_schema);
      if (!encoder) {
        const auto named = parse_named_subject(options_.schema.value_or(options_.key_schema.value_or("")));
        return fail_schema(session_, encoder.error(), named ? named->subject : "SUBJECT");
      }
      encoder_ = std::move(*encoder);
    }
    const auto opened = open(options);
    if (!opened) return session_.fail(opened.error());
    const GracefulInterrupt graceful;
    ExitCode code = read_and_send();
    if (interrupted()) code = ExitCode::kInterrupted;
    // Every record that was sent has an answer, and the ledger all of them, when close() returns.
    const auto closed = close(interrupted() ? kInterruptedFlush : delivery_timeout_ + kInterruptedFlush);
    if (!closed) session_.detail("closing: " + closed.error().to_string());
    return conclude(code, Clock::now() - started);
  }

 private:
  Result<void> open(const ProducerOptions& options) {
    if (!options_.name) {
      FOREBAY_TRY(producer_, Producer::create(session_.client_options(), options));
      return {};
    }
    NamedProducerOptions named{.name = *options_.name, .topic = options_.topic, .producer = options};
    const LinePlacement placement{options_.format, options_.fields.key, options_.key_separator,
                                  options_.partition};
    FOREBAY_TRY(named.source, file_identity(input_, placement));
    reader_.keep_checksum();
    std::optional<std::string> changed;
    named.is_same_source = [&](std::string_view stored) {
      const bool same = has_identity(input_, stored);
      changed = same ? changed_option(stored, placement) : std::nullopt;
      return same && !changed;
    };
    auto resumed = NamedProducer::resume(session_.client_options(), std::move(named));
    if (!resumed && changed) {
      return Error{ErrorCode::kFailedPrecondition,
                   *changed + " is not as it was when the name '" + *options_.name +
                       "' was used last: lines would go to other partitions, and be there twice; give it as "
                       "before, or take another name to send all of " +
                       options_.file + " once more"};
    }
    FOREBAY_TRY(named_, std::move(resumed));
    FOREBAY_CHECK(check_sent(input_, options_.file, named_->stored()));
    if (named_->furthest())
      session_.detail("resumed behind byte " + std::to_string(named_->start_after().value_or(0)) + " of " +
                      options_.file);
    return {};
  }
  Result<void> close(std::chrono::milliseconds timeout) {
    return named_ != nullptr ? named_->close(timeout) : producer_->close(timeout);
  }
  // Every partition has what this line makes: an earlier run has sent it.
  [[nodiscard]] bool is_sent_everywhere() const {
    return named_ != nullptr && named_->start_after() && reader_.end_of_line() <= *named_->start_after();
  }

  ExitCode read_and_send() {
    Progress progress(session_, input_bytes_, Progress::kBytes);
    LineRecord record;
    for (;;) {
      if (interrupted() || ledger_.must_stop()) return ExitCode::kOk;
      std::string_view line;
      const auto outcome = reader_.next(line);
      if (!outcome) return session_.fail(ExitCode::kFailure, outcome.error().context);
      if (*outcome == LineReader::Outcome::kEnd || *outcome == LineReader::Outcome::kInterrupted)
        return ExitCode::kOk;
      if (is_sent_everywhere()) {
        ++sent_before_;
        continue;
      }
      Result<bool> parsed = true;
      if (*outcome == LineReader::Outcome::kTooLong) {
        parsed = Error{ErrorCode::kRecordTooLarge, "longer than " + config::format_bytes(kLineBytesMax)};
      } else {
        parsed = parser_.parse(line, record);
      }
      if (parsed && *parsed && encoder_ != nullptr) {
        if (auto encoded = encoder_->encode(record.record); !encoded) parsed = std::move(encoded).error();
      }
      // One that the topic cannot take is known before anything after it is sent.
      if (parsed && *parsed) parsed = send(record.record);
      if (!parsed) {
        const std::string where =
            "line " + std::to_string(reader_.line_number()) + ": " + parsed.error().context;
        ++bad_lines_;
        if (!options_.skip_bad) {
          return session_.fail(ExitCode::kFailure,
                               where + "; nothing after it was sent (--skip-bad goes on)");
        }
        session_.warn(where + "; skipped");
        continue;
      }
      progress.update(reader_.bytes_read());
    }
  }

  // Errors: kRecordTooLarge. Others are for the ledger, which ends the command.
  Result<bool> send(const RecordView& record) {
    const std::uint64_t line = reader_.line_number();
    const std::uint64_t bytes =
        (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
    const auto deadline = Clock::now() + delivery_timeout_;
    for (;;) {
      const auto sent = send_token(record, Token::pack(line, bytes));
      if (sent) return true;
      if (sent.error().code == ErrorCode::kRecordTooLarge) return sent.error();
      const bool full = sent.error().code == ErrorCode::kResourceExhausted;
      if (!full || interrupted() || Clock::now() >= deadline) {
        ledger_.fail(line, sent.error());
        return true;
      }
      ledger_.wait_for_answers(kRoomWait);
    }
  }

  Result<void> send_token(const RecordView& record, std::uint64_t token) {
    const std::int32_t partition = options_.partition.value_or(-1);
    if (named_ == nullptr) return producer_->send_token(options_.topic, partition, record, token);
    FOREBAY_TRY(const bool sent,
                named_->send_token({reader_.end_of_line(), reader_.checksum()}, partition, record, token));
    sent ? ++sent_now_ : ++sent_before_;
    sent_unfinished_ = sent && !reader_.is_whole();
    return {};
  }

  // Somebody sends plain text to a topic that validates schemas.
  [[nodiscard]] static bool wants_schema(const Ledger::Totals& totals) {
    return std::any_of(totals.failures.begin(), totals.failures.end(), [](const Ledger::Failure& one) {
      return one.error.code == ErrorCode::kInvalidRecord &&
             one.error.context.find("magic byte") != std::string::npos;
    });
  }

  ExitCode conclude(ExitCode code, Clock::duration took) {
    const Ledger::Totals totals = ledger_.totals();
    ExitCode failure = ExitCode::kOk;
    for (const Ledger::Failure& one : totals.failures) {
      failure = session_.fail_item("line " + std::to_string(one.line), one.error);
    }
    if (encoder_ == nullptr && wants_schema(totals))
      session_.note("see: forebay produce " + options_.topic + " --schema SUBJECT, which encodes JSON");
    if (totals.failed > totals.failures.size()) {
      session_.warn(count_text(totals.failed, "record") + " failed in all");
    }
    for (const Ledger::DeadLetter& one : totals.dead_letters)
      session_.warn("line " + std::to_string(one.line) + " was quarantined" +
                    (one.reason.empty() ? "" : ": " + one.reason));
    if (totals.quarantined > 0)
      session_.note(count_text(totals.quarantined, "record") + " broke the schemas of topic '" +
                    options_.topic + "'; to see " + (totals.quarantined == 1 ? "it" : "them") +
                    ": forebay consume " + options_.topic + ".dlq --raw");
    if (totals.acked_file_error) failure = session_.fail(*totals.acked_file_error);
    const double seconds = std::chrono::duration<double>(took).count();
    if (!session_.is_text()) {
      Value value = Value::object();
      value.set("records", totals.records)
          .set("bytes", totals.bytes)
          .set("seconds", seconds)
          .set("failed", totals.failed)
          .set("quarantined", totals.quarantined)
          .set("bad_lines", bad_lines_);
      if (options_.name) value.set("sent_before", sent_before_);
      session_.print(value, {});
    } else if (!session_.globals().quiet) {
      char buffer[48];
      std::snprintf(buffer, sizeof(buffer), " in %.3f s, ", seconds);
      session_.out().write(
          count_text(totals.records, "record") + ", " + config::format_bytes(totals.bytes) + buffer +
          std::to_string(totals.failed) + " failed" +
          (totals.quarantined == 0 ? "" : ", " + std::to_string(totals.quarantined) + " quarantined") +
          (bad_lines_ == 0 ? "" : ", " + std::to_string(bad_lines_) + " bad") + '\n');
    }
    if (code != ExitCode::kOk) return code;
    if (named_ != nullptr && failure == ExitCode::kOk && sent_now_ == 0)
      session_.note("nothing left to send: " + count_text(sent_before_, "line") + " of " + options_.file +
                    " " + (sent_before_ == 1 ? "is" : "are") + " in the topic");
    if (sent_unfinished_ && failure == ExitCode::kOk)
      session_.note(
          "the last line of " + options_.file +
          " has no line end, and was sent as it is: when the line goes on, the next run is refused");
    if (failure == ExitCode::kOk) return ExitCode::kOk;
    return totals.records != 0 && totals.failed != 0 ? ExitCode::kPartial : failure;
  }

  Session& session_;
  const ProduceOptions& options_;
  const int input_;
  Ledger ledger_;
  LineReader reader_;
  LineParser parser_;
  std::unique_ptr<RecordEncoder> encoder_;  // none: lines are sent as they are
  std::chrono::milliseconds delivery_timeout_;
  std::uint64_t input_bytes_ = 0;  // 0: not known
  std::uint64_t bad_lines_ = 0;
  // With --name: records of this run, and of earlier ones as far as this one has read.
  std::uint64_t sent_now_ = 0, sent_before_ = 0;
  bool sent_unfinished_ = false;        // the line sent last has no '\n'
  std::unique_ptr<Producer> producer_;  // one of the two; they go before the ledger
  std::unique_ptr<NamedProducer> named_;
};

Result<void> check(const ProduceOptions& options) {
  const auto refuse = [](std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; };
  if (options.format == "lines") {
    if (options.fields.key || options.fields.id || options.fields.time) {
      return refuse("--key-field, --id-field and --time-field need --format ndjson");
    }
  } else {
    if (options.key_separator) return refuse("--key-separator needs --format lines; see --key-field");
    if (options.null_value) return refuse("--null-value needs --format lines: an NDJSON line is never empty");
  }
  if (options.key_separator && options.key_separator->empty())
    return refuse("--key-separator: must not be empty");
  FOREBAY_TRY(const Acks acks, parse_acks(options.acks));
  FOREBAY_CHECK(parse_compression(options.compression));
  if (options.name && options.file == "-") {
    return refuse("--name needs a FILE: standard input cannot be read again from where it was left");
  }
  if (options.name && options.key_schema) {
    return refuse(
        "--name does not go with --key-schema: the next version of it would send lines to other partitions");
  }
  if (options.name && acks != Acks::kAll) return refuse("--name needs --acks all");
  if (options.acked_file && acks == Acks::kNone) {
    return refuse("--acked needs --acks all or leader: without acknowledgement nobody knows the offsets");
  }
  return {};
}

ExitCode run_produce(Session& session, const ProduceOptions& options) {
  session.about(options.topic);
  const auto checked = check(options);
  if (!checked) return session.fail(ExitCode::kUsage, checked.error().context);
  // Before anything is read: an unknown topic should not take a line of the input.
  const auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  std::vector<std::int32_t> partitions;
  if (options.partition) partitions.push_back(*options.partition);
  const auto known = (*admin)->list_offsets(options.topic, partitions, OffsetSpec::end());
  if (!known) return session.fail(known.error());
  for (const PartitionOffset& one : *known) {
    // One that cannot answer now may be able to by the time a record is sent: the producer retries.
    if (one.error && !is_retryable(one.error->code)) return session.fail(*one.error);
  }
  const Descriptor input(options.file == "-" ? STDIN_FILENO
                                             : ::open(options.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (input.number() < 0) {
    const int reason = errno;
    return session.fail(reason == ENOENT ? ExitCode::kNotFound : ExitCode::kFailure,
                        options.file + ": " + std::strerror(reason));
  }
  struct stat status {};
  if (::fstat(input.number(), &status) == 0 && S_ISDIR(status.st_mode))
    return session.fail(ExitCode::kUsage, options.file + " is a directory, not a file of lines");
  if (options.name && !S_ISREG(status.st_mode)) {
    return session.fail(ExitCode::kUsage, "--name needs a regular file: " + options.file +
                                              " cannot be read again from where it was left");
  }
  const Descriptor acked(options.acked_file ? ::open(options.acked_file->c_str(),
                                                     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)
                                            : -1);
  if (options.acked_file && acked.number() < 0) {
    return session.fail(ExitCode::kFailure,
                        "cannot write the --acked file " + *options.acked_file + ": " + std::strerror(errno));
  }
  return Production(session, options, input.number(), acked.number()).run();
}

}  // namespace

void add_produce_command(std::vector<Command>& commands) {
  auto options = std::make_shared<ProduceOptions>();
  Command command;
  command.noun = "produce";
  command.summary = "send the lines of a file or of standard input, one record each";
  command.examples = {
      {"echo 'hello' | forebay produce orders", ""},
      {"forebay produce orders orders.txt --key-separator :", "key:value lines"},
      {"forebay produce commits commits.ndjson --format ndjson --key-field author --id-field id --time-field "
       "time",
       "the value is the whole line; key, ce_id header and event time come from its fields"},
      {"forebay produce orders orders.txt --name orders-import",
       "start it again after a crash: it goes on where it was, and each line is there once"},
      {"forebay produce orders orders.ndjson --schema orders-value",
       "each line is JSON, and is encoded with the latest version of the subject"},
      {"echo 'customer-7:' | forebay produce customers --key-separator : --null-value", "a tombstone"}};
  command.positionals = {{"TOPIC", "where to send", set_text(&options->topic)},
                         {"FILE", "what to send; - or nothing: standard input", set_text(&options->file),
                          Option::Repeats::kNo, Option::Need::kOptional, Completes::kFile}};
  const auto choice = [](Option option, std::vector<std::string> choices) {
    option.choices = std::move(choices);
    option.completes = Completes::kChoice;
    return option;
  };
  const auto file = [](Option option) {
    option.completes = Completes::kFile;
    return option;
  };
  command.options = {
      choice({"-f,--format", "FORMAT", "lines or ndjson (default lines)", set_text(&options->format)},
             {"lines", "ndjson"}),
      {"--key-field", "FIELD", "ndjson: the field that is the key", set_text(&options->fields.key)},
      {"--id-field", "FIELD", "ndjson: the field that becomes the ce_id header",
       set_text(&options->fields.id)},
      {"--time-field", "FIELD", "ndjson: the event time, RFC 3339 or ms since 1970",
       set_text(&options->fields.time)},
      {"--key-separator", "TEXT", "lines: the key is what stands before it",
       set_text(&options->key_separator)},
      {"-H,--header", "NAME=VALUE", "a header of every record", add_pair(&options->headers),
       Option::Repeats::kYes},
      {"--null-value", "", "lines: an empty value is sent as null", set_flag(&options->null_value)},
      {"-p,--partition", "P", "send to this partition, whatever the key", set_partition(&options->partition)},
      choice({"--acks", "ACKS", "all, leader or none (default all)", set_text(&options->acks)},
             {"all", "leader", "none"}),
      choice({"--compression", "CODEC", "none, gzip, snappy, lz4 or zstd (default none)",
              set_text(&options->compression)},
             {"none", "gzip", "snappy", "lz4", "zstd"}),
      {"--linger", "MS", "wait this long for more records before a send (default 0)",
       set_duration(&options->linger, std::chrono::milliseconds(1))},
      file({"--acked", "FILE", "append 'partition offset line' for each acknowledged line",
            set_text(&options->acked_file)}),
      {"--skip-bad", "", "leave bad lines out and go on", set_flag(&options->skip_bad)},
      {"--name", "NAME", "send each line once, over all runs with this name", set_text(&options->name)},
      {"--schema", "SUBJECT[:VERSION]",
       "each value is JSON, and is encoded with that schema (default the latest)",
       set_text(&options->schema)},
      {"--key-schema", "SUBJECT[:VERSION]", "the same of keys; one that is no JSON is a text",
       set_text(&options->key_schema)}};
  command.notes =
      "Lines count from 1. A bad line (no JSON, a named field missing or of the wrong type, no separator, "
      "longer\n"
      "than the topic's max.message.bytes) is reported with its number and ends the command: what precedes "
      "it "
      "is\n"
      "sent, nothing after it. A carriage return belongs to its line. Blank lines of NDJSON are no records. "
      "Broken\n"
      "connections are retried for --timeout (default 2m) per record; no retry stores a record twice with "
      "--acks "
      "all. A\n"
      "record that fails ends the command too: exit 7 when others were acknowledged.\n"
      "With --name the topic keeps how far the FILE was sent. The next run with that name stops one that "
      "still "
      "runs,\n"
      "skips what is there, and sends the rest; with nothing left it says so and exits 0. The FILE may have "
      "grown, but\n"
      "a file that has changed before where it was left, another number of partitions, and another --format, "
      "--key-field,\n"
      "--key-separator or --partition are refused. A last line without line end is sent as it is; if it goes "
      "on later, the\n"
      "next run is refused, and says how to go on. Lines without key are placed by where they stand in the "
      "FILE.";
  command.json_shape =
      "{\"records\": n, \"bytes\": n, \"seconds\": n, \"failed\": n, \"quarantined\": n, \"bad_lines\": n}\n"
      "records and bytes (of key and value) that were acknowledged, and how many of those the topic keeps as "
      "dead "
      "letters (on.violation=quarantine); with --name also \"sent_before\": n, the "
      "lines "
      "that were there";
  command.run = [options](Session& session) { return run_produce(session, *options); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
