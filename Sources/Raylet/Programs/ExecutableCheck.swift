//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Tells before a start whether an executable can run on a node, and what is lacking if not.
///
/// Pure: the file's bytes and what the node has are given. Nothing in the bytes is trusted.
package struct ExecutableCheck: Sendable {
    /// What a node can run.
    package struct Node: Sendable {
        /// ELF's number of the machine: 62 for x86_64, 183 for aarch64.
        package var machine: UInt16
        /// The C library's version.
        package var libraryVersion: Version

        package init(machine: UInt16, libraryVersion: Version) {
            self.machine = machine
            self.libraryVersion = libraryVersion
        }
    }

    /// A version of the C library: "2.36".
    package struct Version: Comparable, Hashable, Sendable, CustomStringConvertible {
        package var parts: [Int]

        /// The version in `text`, or nothing if a part is no number.
        package init?(_ text: String) {
            let numbers = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
            guard !numbers.contains(nil) else { return nil }
            parts = numbers.compactMap { $0 }
        }

        /// Newer than every version that there is, for a C library that does not say its own.
        package static let newest = Version(parts: [Int.max])

        private init(parts: [Int]) { self.parts = parts }

        package static func < (lhs: Self, rhs: Self) -> Bool { lhs.parts.lexicographicallyPrecedes(rhs.parts) }
        package var description: String { parts.map { "\($0)" }.joined(separator: ".") }
    }

    private static let remedy =
        "build it with `swift build -c release --static-swift-stdlib` on a system no newer than the node's"

    /// Why the executable cannot run on `node`, or nothing if it can.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - path: Where it is; `$ORIGIN` stands for its folder.
    ///   - hasLibrary: Whether a library of this name is in one of these folders or where the system looks.
    package static func problem(
        in bytes: UnsafeRawBufferPointer, path: String, on node: Node, hasLibrary: (String, [String]) -> Bool
    ) -> RayError? {
        if bytes.count > 2, bytes[0] == UInt8(ascii: "#"), bytes[1] == UInt8(ascii: "!") { return nil }
        let file = ExecutableFile(bytes)
        guard file.isExecutable else {
            return RayError(.runtimeEnvSetupFailed, "\(path) is not a complete executable for Linux (64 bits)")
        }
        guard file.machine == node.machine else {
            return RayError(
                .runtimeEnvSetupFailed,
                "\(path) is built for \(name(file.machine)), this node is \(name(node.machine)): "
                    + "run it on nodes of its own kind, or build the program for \(name(node.machine))")
        }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let folders = file.searchFolders.map { expand($0, origin: folder) }
        let missing = file.neededLibraries.filter { !hasLibrary($0, folders) }
        if !missing.isEmpty {
            return RayError(
                .runtimeEnvSetupFailed,
                "\(path) needs \(missing.joined(separator: ", ")), which this node does not have: \(remedy), "
                    + "or install what is missing in the node's image")
        }
        if let wanted = file.libraryVersionNeeded, wanted > node.libraryVersion {
            return RayError(
                .runtimeEnvSetupFailed,
                "\(path) needs GLIBC \(wanted), this node has \(node.libraryVersion): \(remedy)")
        }
        return nil
    }

    private static func expand(_ folder: String, origin: String) -> String {
        var result = ""
        var rest = Substring(folder)
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let name = rest[dollar...]
            if let used = ["${ORIGIN}", "$ORIGIN"].first(where: { name.hasPrefix($0) }) {
                result += origin
                rest = name.dropFirst(used.count)
            } else {
                result += "$"
                rest = name.dropFirst()
            }
        }
        return result + rest
    }

    private static func name(_ machine: UInt16) -> String {
        switch machine {
        case 62: "x86_64"
        case 183: "aarch64"
        case 243: "riscv64"
        case 3: "i386"
        default: "machine \(machine)"
        }
    }
}

/// The parts of an ELF file that say what it needs; reads nothing beyond its bytes.
private struct ExecutableFile {
    let bytes: UnsafeRawBufferPointer
    private var segments: [(address: UInt64, offset: UInt64, size: UInt64)] = []
    private var dynamic: [(tag: Int64, value: UInt64)] = []
    private(set) var machine: UInt16 = 0
    private(set) var isExecutable = false

    private static let headersMax = 4_096

    /// Reads the headers; `isExecutable` tells whether they are whole.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        guard bytes.count >= 64, bytes[0] == 0x7f, bytes[1] == UInt8(ascii: "E"), bytes[2] == UInt8(ascii: "L"),
            bytes[3] == UInt8(ascii: "F"), bytes[4] == 2, bytes[5] == 1,
            let machine: UInt16 = integer(18), let table: UInt64 = integer(32), let size: UInt16 = integer(54),
            let count: UInt16 = integer(56), size >= 56, count <= Self.headersMax
        else { return }
        self.machine = machine
        for index in 0..<UInt64(count) {
            let (offset, overflow) = table.addingReportingOverflow(index * UInt64(size))
            guard !overflow, readHeader(at: offset) else { return }
        }
        isExecutable = true
    }

    /// Reads one program header; whether it is inside the file.
    private mutating func readHeader(at header: UInt64) -> Bool {
        guard let kind: UInt32 = integer(header), let offset: UInt64 = integer(header, plus: 8),
            let address: UInt64 = integer(header, plus: 16), let size: UInt64 = integer(header, plus: 32)
        else { return false }
        switch kind {
        case 1:
            let (end, overflow) = offset.addingReportingOverflow(size)
            guard !overflow, end <= UInt64(bytes.count) else { return false }
            segments.append((address, offset, size))
        case 2:
            for index in 0..<min(size / 16, UInt64(Self.headersMax)) {
                guard let tag: Int64 = integer(offset, plus: index * 16),
                    let value: UInt64 = integer(offset, plus: index * 16 + 8)
                else { return false }
                if tag == 0 { break }
                dynamic.append((tag, value))
            }
        default: break
        }
        return true
    }

    var neededLibraries: [String] { dynamic.filter { $0.tag == 1 }.compactMap { string($0.value) } }

    /// Folders of RUNPATH, else RPATH, as they are written.
    var searchFolders: [String] {
        let found = dynamic.first { $0.tag == 29 } ?? dynamic.first { $0.tag == 15 }
        return found.flatMap { string($0.value) }?.split(separator: ":").map(String.init) ?? []
    }

    /// The newest version GLIBC_x.y that the file asks for.
    var libraryVersionNeeded: ExecutableCheck.Version? {
        guard let address = value(0x6fff_fffe), let count = value(0x6fff_ffff), var need = offset(of: address)
        else { return nil }
        var newest: ExecutableCheck.Version?
        for _ in 0..<min(count, UInt64(Self.headersMax)) {
            guard let names: UInt16 = integer(need, plus: 2), let first: UInt32 = integer(need, plus: 8),
                let next: UInt32 = integer(need, plus: 12)
            else { return newest }
            var entry = need &+ UInt64(first)
            for _ in 0..<names {
                guard let name: UInt32 = integer(entry, plus: 8), let step: UInt32 = integer(entry, plus: 12)
                else { return newest }
                if let text = string(UInt64(name)), text.hasPrefix("GLIBC_"),
                    let version = ExecutableCheck.Version(String(text.dropFirst(6)))
                {
                    newest = max(newest ?? version, version)
                }
                if step == 0 { break }
                entry = entry &+ UInt64(step)
            }
            if next == 0 { break }
            need = need &+ UInt64(next)
        }
        return newest
    }

    private func value(_ tag: Int64) -> UInt64? { dynamic.first { $0.tag == tag }?.value }

    /// Where in the file the byte is that is mapped at `address`.
    private func offset(of address: UInt64) -> UInt64? {
        for segment in segments where address >= segment.address && address - segment.address < segment.size {
            return segment.offset &+ (address - segment.address)
        }
        return nil
    }

    /// The text at `index` of the string table, up to 4,096 bytes.
    private func string(_ index: UInt64) -> String? {
        guard let table = value(5).flatMap({ offset(of: $0) }), table <= UInt64(bytes.count),
            index < UInt64(bytes.count) - table
        else { return nil }
        let start = Int(table + index)
        let slice = bytes[start..<min(bytes.count, start + 4_096)]
        guard let end = slice.firstIndex(of: 0) else { return nil }
        return String(validating: slice[..<end], as: UTF8.self)
    }

    /// The little-endian number at `offset + plus`, or nothing beyond the end.
    private func integer<Value: FixedWidthInteger>(_ offset: UInt64, plus: UInt64 = 0) -> Value? {
        let (start, overflow) = offset.addingReportingOverflow(plus)
        guard !overflow, start <= UInt64(bytes.count), UInt64(bytes.count) - start >= UInt64(MemoryLayout<Value>.size)
        else { return nil }
        return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: Int(start), as: Value.self))
    }
}
