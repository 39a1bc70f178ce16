#include "cli/log_writer.h"

#include "cli/command.h"
#include "cli/render/human.h"

namespace skerry::cli {

LogWriter::Output LogWriter::render(const v1::ReadLogsResponse& response) {
  Output output;
  for (const v1::LogEntry& entry : response.entries()) {
    const bool error = entry.stream() == v1::LOG_STREAM_STDERR;
    std::string& text = error ? output.error : output.standard;
    bool& inside_line = error ? inside_error_line_ : inside_line_;
    if (times_ == Times::kShow && !inside_line) text += rfc3339(wall_time(entry.time())) + " ";
    text += entry.data();
    if (!entry.partial()) text += '\n';
    inside_line = entry.partial();
  }
  return output;
}

void LogWriter::write(const v1::ReadLogsResponse& response) {
  const Output output = render(response);
  if (!output.error.empty()) print_error(output.error);
  if (!output.standard.empty()) print(output.standard);
}

}  // namespace skerry::cli
