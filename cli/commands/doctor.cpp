// debug doctor and debug leaks: what is wrong, and what mends it.
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include <CLI/App.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/render/colour.h"
#include "cli/render/human.h"
#include "skerry/v1/agent_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::AgentService::Stub;

struct Options {
  OutputOptions output;
  bool fix = false;
};

Cell status_cell(v1::CheckStatus status) {
  switch (status) {
    case v1::CHECK_STATUS_OK:
      return {"ok", Colour::kGreen};
    case v1::CHECK_STATUS_WARN:
      return {"warn", Colour::kYellow};
    case v1::CHECK_STATUS_FAIL:
      return {"FAIL", Colour::kRed};
    default:
      return {"?", Colour::kYellow};
  }
}

/// A line for each check, and below it what mends it.
std::string report_text(const v1::ListChecksResponse& response, Palette palette) {
  std::string text;
  int bad = 0;
  for (const auto& check : response.checks()) {
    const Cell status = status_cell(check.status());
    const std::string padding(status.text.size() < 4 ? 4 - status.text.size() : 0, ' ');
    text += fmt::format("{}{}  {:<22} {}\n",
                        paint(status.text, status.colour, palette),
                        padding,
                        printable(check.name()),
                        printable(check.detail()));
    if (check.status() == v1::CHECK_STATUS_OK) continue;
    ++bad;
    if (!check.remedy().empty()) text += fmt::format("      mend: {}\n", printable(check.remedy()));
  }
  text += bad == 0 ? fmt::format("\nall {} checks are well\n", response.checks_size())
                   : fmt::format("\n{} of {} checks are not well\n", bad, response.checks_size());
  return text;
}

Result<int> doctor(const Client& client, const Options& options) {
  TRY_ASSIGN(const auto response, client.call(&Service::ListChecks, v1::ListChecksRequest()));
  int code = kExitOk;
  Listing listing(*v1::Check::descriptor(), {{"CHECK"}, {"STATUS"}, {"DETAIL"}, {"REMEDY"}});
  for (const auto& check : response.checks()) {
    if (check.status() == v1::CHECK_STATUS_FAIL) code = kExitFailure;
    listing.add(check,
                check.name(),
                {check.name(), status_cell(check.status()), check.detail(), check.remedy()});
  }
  if (options.output.form() == OutputForm::kTable) {
    print(report_text(response, palette_of(STDOUT_FILENO)));
    return code;
  }
  TRY(print_listing(listing, options.output));
  return code;
}

Result<int> fix(const Client& client,
                const v1::ListLeaksResponse& found,
                const OutputOptions& output) {
  v1::FixLeaksRequest request;
  *request.mutable_leaks() = found.leaks();
  TRY_ASSIGN(const auto response, client.call(&Service::FixLeaks, request));
  int code = kExitOk;
  Listing listing(*v1::FixedLeak::descriptor(), {{"KIND"}, {"OBJECT"}, {"RESULT"}});
  for (const auto& result : response.results()) {
    if (!result.fixed()) code = kExitFailure;
    listing.add(result,
                result.leak().object(),
                {result.leak().kind(),
                 result.leak().object(),
                 result.fixed() ? Cell("gone", Colour::kGreen)
                                : Cell("still there: " + result.problem(), Colour::kRed)});
  }
  TRY(print_listing(listing, output));
  return code;
}

Result<int> leaks(const Client& client, const Options& options) {
  TRY_ASSIGN(const auto response, client.call(&Service::ListLeaks, v1::ListLeaksRequest()));
  if (response.leaks().empty() && options.output.is_table()) {
    print("no leaks\n");
    return kExitOk;
  }
  if (options.fix && !response.leaks().empty()) return fix(client, response, options.output);
  Listing listing(*v1::Leak::descriptor(), {{"KIND"}, {"OBJECT"}, {"UID"}, {"WHY"}});
  for (const auto& leak : response.leaks()) {
    listing.add(leak, leak.object(), {leak.kind(), leak.object(), leak.uid(), leak.detail()});
  }
  TRY(print_listing(listing, options.output));
  return response.leaks().empty() ? kExitOk : kExitFailure;
}

}  // namespace

void configure_doctor(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  add_output(app, options->output);
  add_examples(app, {"skerry debug doctor", "skerry debug doctor -o json | jq '.[] | .remedy'"});
  invocation.action = [options](const Client& client) { return doctor(client, *options); };
}

void configure_leaks(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  app.add_flag("--fix", options->fix, "Remove them");
  add_output(app, options->output);
  add_examples(app,
               {"skerry debug leaks", "skerry debug leaks --fix", "skerry debug leaks -o json"});
  invocation.action = [options](const Client& client) { return leaks(client, *options); };
}

}  // namespace skerry::cli
