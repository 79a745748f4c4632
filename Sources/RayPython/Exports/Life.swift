//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

public import CRayPython
internal import Glibc
internal import RayCore
internal import RayNode
internal import RayWire
internal import RayWorker

// The beginning and end of the runtime, and connections without one.

/// See `ray_python.h`.
@c @implementation
public func ray_python_open(_ options: ray_python_bytes) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            let options = try options.value()
            try PythonRuntime.open { interrupts throws(RayError) in
                options["worker"]?.isTrue == true
                    ? try WorkerProcess.open(
                        executor: FetchingExecutor(interrupts: interrupts), language: PythonRuntime.hooks)
                    : try DriverConnection.open(try DriverConnection.Options(options))
            }
            return 0
        })
}

extension DriverConnection.Options {
    /// Reads `host`, `port`, `raylet_socket`, `namespace` and what a worker of this driver is started with.
    init(_ value: MessagePackValue) throws(RayError) {
        guard let host = value["host"]?.text, let port = value["port"]?.integer.flatMap({ UInt16(exactly: $0) })
        else { throw RayError(.invalidArgument, "host and port of the head are missing") }
        self.init(headHost: host, headPort: port)
        token = try AuthenticationToken.forJoining()
        rayletSocket = value["raylet_socket"]?.text ?? ""
        namespace = value["namespace"]?.text ?? ""
        for case (let name?, let text?) in (value["settings"]?.pairs ?? []).map({ ($0.key.text, $0.value.text) }) {
            settings[name] = text
        }
        program = Program(
            hash: "", path: value["python"]?.text ?? "", byteCount: 0,
            arguments: (value["arguments"]?.elements ?? []).compactMap(\.text),
            environment: (value["environment"]?.elements ?? []).compactMap(\.text),
            workingDirectory: value["folder"]?.text ?? "")
        warn = { text in
            var line = "(ray) " + text + "\n"
            line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
        }
        showLog = { printedLines.add($0) }
        language = PythonRuntime.hooks
    }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_close() { PythonRuntime.close() }

/// See `ray_python.h`.
@c @implementation
public func ray_python_next_log(
    _ milliseconds: Int32, _ lines: UnsafeMutablePointer<ray_python_bytes>?
) -> Int32 {
    guard let next = printedLines.next(milliseconds: Int(milliseconds))?.messagePack else { return 0 }
    lines?.pointee = ray_python_bytes(keeping: next.encoded)
    return 1
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_free(_ bytes: ray_python_bytes) {
    UnsafeMutableRawPointer(mutating: bytes.data)?.deallocate()
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_connect(_ host: UnsafePointer<CChar>?, _ port: Int32) -> UnsafeMutableRawPointer? {
    do throws(RayError) {
        guard let host, let port = UInt16(exactly: port) else {
            throw RayError(.invalidArgument, "host and port of the head are missing")
        }
        let connection = try ControlConnection(host: String(cString: host), port: port)
        return Unmanaged.passRetained(connection).toOpaque()
    } catch {
        fail(error)
        return nil
    }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_request(
    _ connection: UnsafeMutableRawPointer?, _ operation: UnsafePointer<CChar>?, _ payload: ray_python_bytes,
    _ milliseconds: Int32, _ result: UnsafeMutablePointer<ray_python_bytes>?
) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            guard let connection, let operation else { throw RayError(.invalidArgument, "nothing was asked") }
            let control = Unmanaged<ControlConnection>.fromOpaque(connection).takeUnretainedValue()
            let answer = try control.perform(
                String(cString: operation), try payload.value(), milliseconds: Int(milliseconds))
            result?.pointee = ray_python_bytes(keeping: answer.encoded)
            return 0
        })
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_disconnect(_ connection: UnsafeMutableRawPointer?) {
    if let connection { Unmanaged<ControlConnection>.fromOpaque(connection).release() }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_control(
    _ operation: UnsafePointer<CChar>?, _ payload: ray_python_bytes, _ result: UnsafeMutablePointer<ray_python_bytes>?
) -> Int32 {
    Int32(
        reporting { () throws(RayError) in
            guard let operation else { throw RayError(.invalidArgument, "nothing was asked") }
            let runtime = try PythonRuntime.require()
            let answer = try runtime.perform(String(cString: operation), try payload.value())
            result?.pointee = ray_python_bytes(keeping: answer.encoded)
            return 0
        })
}
