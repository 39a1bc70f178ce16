#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/render/human.h"
#include "skerry/v1/image_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::ImageService::Stub;

struct ImageOptions {
  OutputOptions output;
  std::vector<std::string> names;
  std::string source;
  bool quiet = false;
  bool no_trunc = false;
};

std::string short_content_id(const std::string& content_id, bool no_trunc) {
  const auto colon = content_id.find(':');
  if (no_trunc || colon == std::string::npos) return content_id;
  return short_uid(std::string_view(content_id).substr(colon + 1), false);
}

/// An archive is sent, so that what the caller may read is what counts; a directory is left to the
/// daemon, which copies it with owners and attributes intact.
struct Source {
  UniqueFd archive;
  std::string directory;
};

Result<Source> open_source(const std::string& path) {
  Source source;
  if (path == "-") {
    source.archive.reset(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  } else {
    source.archive.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  if (!source.archive) return Error::from_errno(errno, fmt::format("open \"{}\"", path));
  struct stat status {};
  if (::fstat(source.archive.get(), &status) != 0) {
    return Error::from_errno(errno, fmt::format("stat \"{}\"", path));
  }
  if (S_ISDIR(status.st_mode)) {
    std::error_code failed;
    source.directory = std::filesystem::canonical(path, failed).string();
    if (failed) return Error::from_errno(failed.value(), fmt::format("resolve \"{}\"", path));
    source.archive.reset();
  }
  return source;
}

using Writer = grpc::ClientWriter<v1::ImportImageRequest>;

/// Stops early when the daemon has had enough: its status says why.
Result<> send_archive(int fd, Writer& writer) {
  constexpr std::size_t kChunk = std::size_t{512} * 1024;
  ByteProgress progress("sent");
  v1::ImportImageRequest request;
  std::string& chunk = *request.mutable_chunk();
  for (;;) {
    chunk.resize(kChunk);
    const ssize_t count = ::read(fd, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::from_errno(errno, "read the archive");
    if (count == 0) return {};
    chunk.resize(static_cast<std::size_t>(count));
    if (!writer.Write(request)) return {};
    progress.add(static_cast<std::uint64_t>(count));
  }
}

Result<v1::Image> import(const Client& client, const ImageOptions& options) {
  TRY_ASSIGN(const Source source, open_source(options.source));
  grpc::ClientContext context;
  client.set_deadline(context, Patience::kEndless);
  Service stub(client.channel());
  v1::ImportImageResponse response;
  const auto writer = stub.Import(&context, &response);
  v1::ImportImageRequest request;
  auto& header = *request.mutable_header();
  header.mutable_names()->Assign(options.names.begin(), options.names.end());
  if (source.archive) {
    header.mutable_stream();
  } else {
    header.set_path(source.directory);
  }
  if (writer->Write(request) && source.archive) {
    if (auto sent = send_archive(source.archive.get(), *writer); !sent) {
      context.TryCancel();
      [[maybe_unused]] const grpc::Status status = writer->Finish();
      return std::move(sent).error();
    }
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (!status.ok()) return client.to_error(status);
  return response.image();
}

Result<std::vector<v1::Image>> list_images(const Client& client) {
  std::vector<v1::Image> images;
  v1::ListImagesRequest request;
  do {
    TRY_ASSIGN(auto page, client.call(&Service::List, request));
    for (auto& image : *page.mutable_images()) images.push_back(std::move(image));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return images;
}

/// A row for each name in tables, for each image else.
Listing image_listing(const std::vector<v1::Image>& images, const ImageOptions& options) {
  const WallTime now = SystemClock().wall();
  Listing listing(*v1::Image::descriptor(),
                  {{"NAME"}, {"CONTENT ID"}, {"CREATED"}, {"SIZE"}, {"CONTAINERS"}});
  for (const auto& image : images) {
    std::vector<std::string> names(image.names().begin(), image.names().end());
    if (names.empty()) names.emplace_back("-");
    if (!options.output.is_table()) names.resize(1);
    for (const std::string& name : names) {
      listing.add(image,
                  name == "-" ? image.content_id() : name,
                  {name,
                   short_content_id(image.content_id(), options.no_trunc),
                   human_duration(now - wall_time(image.created_at())) + " ago",
                   human_bytes(image.size_bytes()),
                   std::to_string(image.containers())});
    }
  }
  return listing;
}

Result<int> image_ls(const Client& client, const ImageOptions& options) {
  TRY_ASSIGN(const auto images, list_images(client));
  if (!options.quiet) return print_listing(image_listing(images, options), options.output);
  std::string text;
  for (const auto& image : images) {
    text += short_content_id(image.content_id(), options.no_trunc) + "\n";
  }
  print(text);
  return kExitOk;
}

/// A name, or else a content id or the beginning of one.
Result<v1::RemoveImageResponse> remove_image(const Client& client, const std::string& typed) {
  v1::RemoveImageRequest request;
  if (typed.starts_with("sha256:")) {
    request.mutable_image()->set_content_id(typed);
    return client.call(&Service::Remove, request);
  }
  request.mutable_image()->set_name(typed);
  auto removed = client.call(&Service::Remove, request);
  const bool hex = typed.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (removed || !hex || removed.error().code() != Code::kNotFound) return removed;
  request.mutable_image()->set_content_id("sha256:" + typed);
  return client.call(&Service::Remove, request);
}

Result<int> image_rm(const Client& client, const ImageOptions& options) {
  return for_each_reporting(options.names, [&](const std::string& typed) -> Result<> {
    TRY_ASSIGN(const auto removed, remove_image(client, typed));
    std::string text;
    for (const auto& name : removed.removed_names()) text += fmt::format("Untagged: {}\n", name);
    if (!removed.removed_content_id().empty()) {
      text += fmt::format("Deleted: {}\n", removed.removed_content_id());
    }
    print(text);
    return {};
  });
}

void configure_import(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ImageOptions>();
  add_repeatable(app, "--name,-t", options->names, "A name for the image");
  app.add_option("SOURCE", options->source, "An archive (tar, compressed too), a directory, or -")
      ->required();
  add_examples(app,
               {"skerry image import --name busybox busybox.tar.gz",
                "skerry image import --name debian:12 /srv/roots/debian",
                "docker export web | skerry image import --name web -"});
  invocation.action = [options](const Client& client) -> Result<int> {
    TRY_ASSIGN(const auto image, import(client, *options));
    print(image.content_id() + "\n");
    return kExitOk;
  };
}

void configure_image_ls(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ImageOptions>();
  app.add_flag("-q,--quiet", options->quiet, "Only content ids");
  app.add_flag("--no-trunc", options->no_trunc, "Whole content ids");
  add_output(app, options->output);
  add_examples(app, {"skerry image ls", "skerry image ls -o json"});
  invocation.action = [options](const Client& client) { return image_ls(client, *options); };
}

void configure_image_rm(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ImageOptions>();
  app.add_option("IMAGE", options->names, "A name, a content id or the beginning of one")
      ->required();
  add_examples(app, {"skerry image rm busybox", "skerry image rm sha256:3f2a…"});
  invocation.action = [options](const Client& client) { return image_rm(client, *options); };
}

}  // namespace

void configure_image(CLI::App& app, Invocation& invocation) {
  add_commands(app,
               invocation,
               {{"import", "Make an image of an archive or a directory", configure_import},
                {"ls", "List images", configure_image_ls},
                {"rm", "Remove a name, or an image", configure_image_rm}});
}

}  // namespace skerry::cli
