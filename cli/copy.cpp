#include "cli/copy.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/progress.h"
#include "cli/tar_program.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Service = v1::ContainerService::Stub;

constexpr std::size_t kChunk = std::size_t{256} * 1024;

Error bad(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

Result<PathType> type_on_host(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    return S_ISDIR(status.st_mode) ? PathType::kDirectory : PathType::kOther;
  }
  if (errno == ENOENT || errno == ENOTDIR) return PathType::kMissing;
  return Error::from_errno(errno, fmt::format("stat \"{}\"", path));
}

Result<v1::PathInfo> stat_inside(const Client& client,
                                 const v1::ContainerRef& container,
                                 const std::string& path) {
  v1::StatPathRequest request;
  *request.mutable_container() = container;
  request.set_path(path);
  TRY_ASSIGN(auto response, client.call(&Service::StatPath, request));
  return std::move(*response.mutable_info());
}

Result<PathType> type_inside(const Client& client,
                             const v1::ContainerRef& container,
                             const std::string& path) {
  auto info = stat_inside(client, container, path);
  if (info && info->kind() == v1::PATH_KIND_LINK) {
    // Only with a "/" behind it is a link followed; one that leads nowhere is replaced.
    info = stat_inside(client, container, path + "/");
  }
  if (info) {
    return info->kind() == v1::PATH_KIND_DIRECTORY ? PathType::kDirectory : PathType::kOther;
  }
  if (info.error().reason() == "PATH_NOT_FOUND") return PathType::kMissing;
  return std::move(info).error();
}

using InWriter = grpc::ClientWriter<v1::CopyInRequest>;

/// Stops early when the daemon has had enough: its status says why.
Result<> send_archive(int fd, InWriter& writer) {
  ByteProgress progress("copied");
  v1::CopyInRequest request;
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

Result<> unpack_inside(const Client& client,
                       const v1::CopyInRequest& header,
                       int archive,
                       TarProgram* tar) {
  grpc::ClientContext context;
  client.set_deadline(context, Patience::kEndless);
  Service stub(client.channel());
  v1::CopyInResponse response;
  const auto writer = stub.CopyIn(&context, &response);
  Result<> sent;
  if (writer->Write(header)) sent = send_archive(archive, *writer);
  // An archive that ended in the middle must not look like a whole one.
  if (sent && tar != nullptr) sent = tar->wait();
  if (!sent) {
    context.TryCancel();
    [[maybe_unused]] const grpc::Status status = writer->Finish();
    return sent;
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (!status.ok()) return client.to_error(status);
  return {};
}

std::vector<std::string> packing(const SplitPath& source,
                                 const Landing& landing,
                                 const CopyOptions& options) {
  std::vector<std::string> arguments = {"-C", source.directory, "-c", "-f", "-"};
  if (options.follow_link) arguments.emplace_back("-h");
  // From inside, so that a link at the end of "link/" is followed; the name is put back.
  if (source.is_directory) arguments.insert(arguments.end(), {"-C", source.name});
  std::string name = landing.name;
  if (name.empty() && source.is_directory && !source.contents) name = source.name;
  if (!name.empty()) arguments.push_back(rename_first_component(name));
  arguments.insert(arguments.end(), {"--", source.is_directory ? "." : source.name});
  return arguments;
}

Result<> write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error::from_errno(errno, "write the archive");
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

using OutReader = grpc::ClientReader<v1::CopyOutResponse>;

Result<> receive_archive(const Client& client, OutReader& reader, int fd) {
  ByteProgress progress("copied");
  v1::CopyOutResponse response;
  Result<> written;
  while (written && reader.Read(&response)) {
    written = write_all(fd, response.chunk());
    progress.add(response.chunk().size());
  }
  // What the daemon says weighs more than that tar did not want the rest.
  while (!written && reader.Read(&response)) {
  }
  const grpc::Status status = reader.Finish();
  if (!status.ok()) return client.to_error(status);
  return written;
}

std::vector<std::string> unpacking(const Landing& landing, const CopyOptions& options) {
  std::vector<std::string> arguments = {"-C", landing.directory, "-x", "-f", "-"};
  if (options.keep_owners) {
    arguments.insert(arguments.end(), {"--same-owner", "--same-permissions", "--numeric-owner"});
  } else {
    // A set-user-id program of a container must not become one of the caller's.
    arguments.insert(arguments.end(), {"--no-same-owner", "--no-same-permissions"});
  }
  if (!landing.name.empty()) arguments.push_back(rename_first_component(landing.name));
  if (landing.contents) arguments.emplace_back("--strip-components=1");
  return arguments;
}

PathType type_of(const v1::PathInfo& info) {
  return info.kind() == v1::PATH_KIND_DIRECTORY ? PathType::kDirectory : PathType::kOther;
}

}  // namespace

Result<Landing> plan_landing(const SplitPath& source,
                             PathType source_type,
                             const std::string& target,
                             PathType target_type) {
  const SplitPath to = split_path(target);
  const bool from_directory = source_type == PathType::kDirectory;
  if (source.is_directory && !from_directory) {
    return bad(fmt::format("\"{}\" is not a directory", source.name));
  }
  if (source.name == "/" && !source.contents) return bad("copy what is in \"/\" with \"/.\"");
  if (target_type == PathType::kDirectory) {
    return Landing{.directory = target, .name = "", .contents = source.contents};
  }
  if (target_type == PathType::kOther && (from_directory || to.is_directory)) {
    return bad(fmt::format("\"{}\" is not a directory", target));
  }
  if (target_type == PathType::kMissing && to.is_directory && !from_directory) {
    return bad(fmt::format("there is no directory \"{}\"", target));
  }
  return Landing{.directory = to.directory, .name = to.name, .contents = false};
}

Result<> copy_in(const Client& client,
                 const v1::ContainerRef& container,
                 const CopyPath& source,
                 const CopyPath& target,
                 const CopyOptions& options) {
  v1::CopyInRequest header;
  *header.mutable_header()->mutable_container() = container;
  if (!options.keep_owners) header.mutable_header()->set_owner("0:0");
  if (source.is_stream()) {
    header.mutable_header()->set_path(target.path);
    return unpack_inside(client, header, STDIN_FILENO, nullptr);
  }
  TRY_ASSIGN(const auto source_type, type_on_host(source.path));
  struct stat ignored {};
  if (source_type == PathType::kMissing && ::lstat(source.path.c_str(), &ignored) != 0) {
    return Error::from_errno(errno, fmt::format("stat \"{}\"", source.path));
  }
  TRY_ASSIGN(const auto target_type, type_inside(client, container, target.path));
  const SplitPath from = split_path(source.path);
  TRY_ASSIGN(const auto landing, plan_landing(from, source_type, target.path, target_type));
  header.mutable_header()->set_path(landing.directory);
  TRY_ASSIGN(auto tar,
             TarProgram::start(TarProgram::Archive::kItWrites, packing(from, landing, options)));
  return unpack_inside(client, header, tar.archive(), &tar);
}

Result<> copy_out(const Client& client,
                  const v1::ContainerRef& container,
                  const CopyPath& source,
                  const CopyPath& target,
                  const CopyOptions& options) {
  // A tar that gives up is an error to report, not our end.
  ::signal(SIGPIPE, SIG_IGN);
  const SplitPath from = split_path(source.path);
  v1::CopyOutRequest request;
  *request.mutable_container() = container;
  const std::string whole =
      from.name == "/" ? "/" : from.directory + (from.directory == "/" ? "" : "/") + from.name;
  request.set_path(whole + (from.is_directory && from.name != "/" ? "/" : ""));
  grpc::ClientContext context;
  client.set_deadline(context, Patience::kEndless);
  Service stub(client.channel());
  const auto reader = stub.CopyOut(&context, request);
  v1::CopyOutResponse first;
  if (!reader->Read(&first) || !first.has_header()) {
    const grpc::Status status = reader->Finish();
    if (!status.ok()) return client.to_error(status);
    return Error(Code::kInternal, "the daemon answered without a header");
  }
  if (target.is_stream()) return receive_archive(client, *reader, STDOUT_FILENO);
  const auto started = [&]() -> Result<TarProgram> {
    TRY_ASSIGN(const auto target_type, type_on_host(target.path));
    TRY_ASSIGN(const auto landing,
               plan_landing(from, type_of(first.header().info()), target.path, target_type));
    return TarProgram::start(TarProgram::Archive::kItReads, unpacking(landing, options));
  };
  auto tar = started();
  if (!tar) {
    context.TryCancel();
    [[maybe_unused]] const grpc::Status status = reader->Finish();
    return std::move(tar).error();
  }
  const auto received = receive_archive(client, *reader, tar->archive());
  const auto unpacked = tar->wait();
  return received ? unpacked : received;
}

}  // namespace skerry::cli
