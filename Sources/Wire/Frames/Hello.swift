//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// What a process of the cluster is.
package enum ProcessRole: UInt8, Sendable, Hashable, CaseIterable {
    case driver = 0
    case worker = 1
    case raylet = 2
    case gcs = 3
    case commandLine = 4
}

/// The first frame on a connection, and (as part of the welcome) the answer to it: who speaks here.
///
/// The token comes first on the wire, so that it is judged before anything else is looked at.
package struct Hello: Hashable, Sendable {
    /// Versions of the messages that this build can speak.
    package static let supportedVersions: ClosedRange<UInt16> = 1...1
    /// Largest payload of a hello, in bytes: more is not read from a peer that nobody knows yet.
    package static let payloadBytesMax = 64 << 10

    /// The cluster's token; empty if none is known.
    package var token: [UInt8]
    /// Lowest version of the messages that the sender speaks.
    package var versionMin: UInt16
    /// Highest version of the messages that the sender speaks.
    package var versionMax: UInt16
    /// What kind of process the sender is.
    package var role: ProcessRole
    /// Which process; raylets and the GCS have ids of this type too.
    package var identity: WorkerID
    /// Random for each start of a process: tells a process from its successor with the same identity.
    package var incarnation: UInt64
    /// Where the sender can be reached.
    package var address: Address
    /// Name of the session; empty if not known.
    package var session: String
    /// Chosen by the connecting side for each new link; the same when it resumes one.
    package var link: UInt64
    /// Whether the link has been up before, so that the other side must know it.
    package var isResumption: Bool
    /// Highest sequence that the sender has received on this link.
    package var highestReceived: UInt64
    /// Counts the hellos and welcomes of a process, so that one that comes late is known as such.
    package var serial: UInt64

    /// A hello for a new link; the link's fields are filled in when it is said.
    package init(
        role: ProcessRole, identity: WorkerID, incarnation: UInt64, address: Address, session: String = "",
        token: [UInt8] = [], versions: ClosedRange<UInt16> = Hello.supportedVersions
    ) {
        self.token = token
        self.versionMin = versions.lowerBound
        self.versionMax = versions.upperBound
        self.role = role
        self.identity = identity
        self.incarnation = incarnation
        self.address = address
        self.session = session
        self.link = 0
        self.isResumption = false
        self.highestReceived = 0
        self.serial = 0
    }

    /// The highest version that both sides speak, or nothing.
    package func commonVersion(with versions: ClosedRange<UInt16>) -> UInt16? {
        guard versionMin <= versionMax else { return nil }
        let common = min(versionMax, versions.upperBound)
        return common >= max(versionMin, versions.lowerBound) ? common : nil
    }

    /// Appends the fields in the order of their declaration.
    package func write(to writer: inout WireWriter) {
        writer.write(token)
        writer.write(versionMin)
        writer.write(versionMax)
        writer.write(role.rawValue)
        writer.write(identity)
        writer.write(incarnation)
        writer.write(address.node)
        writer.write(address.worker)
        writer.write(address.host)
        writer.write(address.port)
        writer.write(address.socketPath)
        writer.write(session)
        writer.write(link)
        writer.write(isResumption)
        writer.write(highestReceived)
        writer.write(serial)
    }

    /// - Throws: any `WireError` if the bytes are not a hello.
    package init(from reader: inout WireReader) throws(WireError) {
        token = try reader.byteArray()
        versionMin = try reader.uint16()
        versionMax = try reader.uint16()
        let number = try reader.uint8()
        guard let role = ProcessRole(rawValue: number) else { throw .unknownCase("ProcessRole", Int(number)) }
        self.role = role
        identity = try reader.identifier()
        incarnation = try reader.uint64()
        address = Address(
            node: try reader.identifier(), worker: try reader.identifier(), host: try reader.string(),
            port: try reader.uint16(), socketPath: try reader.string())
        session = try reader.string()
        link = try reader.uint64()
        isResumption = try reader.bool()
        highestReceived = try reader.uint64()
        serial = try reader.uint64()
    }

    /// The token alone, with which a hello begins.
    package static func token(of payload: UnsafeRawBufferPointer) throws(WireError) -> UnsafeRawBufferPointer {
        var reader = WireReader(payload)
        return try reader.slice()
    }
}

/// The answer to an accepted hello.
package struct Welcome: Hashable, Sendable {
    /// The version in which both sides speak from now on.
    package var version: UInt16
    /// Who answers; its token is empty, its link that of the hello.
    package var hello: Hello

    /// A welcome by `hello.identity`.
    package init(version: UInt16, hello: Hello) {
        self.version = version
        self.hello = hello
    }

    /// Appends the fields in the order of their declaration.
    package func write(to writer: inout WireWriter) {
        writer.write(version)
        hello.write(to: &writer)
    }

    /// - Throws: any `WireError` if the bytes are not a welcome.
    package init(from reader: inout WireReader) throws(WireError) {
        version = try reader.uint16()
        hello = try Hello(from: &reader)
    }
}

/// Why a hello was not accepted.
package struct Refusal: Hashable, Sendable {
    /// The reason as a code.
    package enum Code: UInt16, Sendable, CaseIterable {
        /// The cluster wants a token, and the hello had none.
        case tokenMissing = 1
        /// The token is not the cluster's.
        case tokenWrong = 2
        /// No version that both sides speak.
        case version = 3
        /// The link that was to be resumed is not known any more.
        case linkUnknown = 4
        /// Both sides connected at once; the connection of the other side is kept.
        case crossed = 5
        /// Another process answers at this address than the one expected.
        case wrongProcess = 6
        /// The first frame was no hello.
        case malformed = 7
    }

    /// Why, for programs.
    package var code: Code
    /// What is wrong and what helps, as a sentence.
    package var sentence: String

    /// A refusal with a sentence for people.
    package init(_ code: Code, _ sentence: String) {
        self.code = code
        self.sentence = sentence
    }

    /// Appends the fields in the order of their declaration.
    package func write(to writer: inout WireWriter) {
        writer.write(code.rawValue)
        writer.write(sentence)
    }

    /// - Throws: any `WireError` if the bytes are not a refusal.
    package init(from reader: inout WireReader) throws(WireError) {
        let number = try reader.uint16()
        guard let code = Code(rawValue: number) else { throw .unknownCase("Refusal.Code", Int(number)) }
        self.code = code
        sentence = try reader.string()
    }
}

/// How a process judges the hello of a peer: token first, then version.
package struct HelloPolicy: Sendable {
    /// The cluster's token; nothing if none is wanted.
    package var token: [UInt8]?
    /// Versions of the messages that this process speaks.
    package var versions: ClosedRange<UInt16>

    /// A policy that wants `token`, or none.
    package init(token: [UInt8]?, versions: ClosedRange<UInt16> = Hello.supportedVersions) {
        self.token = token
        self.versions = versions
    }

    /// The sentence for a peer without a token.
    package static let tokenMissingSentence = """
        the cluster wants a token and none was given: set RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH \
        or put it into ~/.ray/auth_token
        """

    /// Reads a hello and the version to speak, or says why it is refused.
    package func judge(_ payload: UnsafeRawBufferPointer) -> Result<(Hello, UInt16), Refusal.Failure> {
        do throws(WireError) {
            if let token {
                let given = try Hello.token(of: payload)
                guard !given.isEmpty else {
                    return .failure(.init(.tokenMissing, Self.tokenMissingSentence))
                }
                guard Self.isEqualInConstantTime(given, token) else {
                    return .failure(.init(.tokenWrong, "the token given is not the cluster's"))
                }
            }
            var reader = WireReader(payload)
            let hello = try Hello(from: &reader)
            guard let version = hello.commonVersion(with: versions) else {
                let theirs = "\(hello.versionMin)...\(hello.versionMax)"
                let ours = "\(versions.lowerBound)...\(versions.upperBound)"
                return .failure(
                    .init(
                        .version,
                        "no common protocol version: yours are \(theirs), the cluster's \(ours); "
                            + "use the same release of swift-ray on both sides"))
            }
            return .success((hello, version))
        } catch {
            return .failure(.init(.malformed, "the hello cannot be read: \(error)"))
        }
    }

    /// Compares every byte of the longer one whatever the result, so that time does not tell where they differ.
    package static func isEqualInConstantTime(_ given: UnsafeRawBufferPointer, _ token: [UInt8]) -> Bool {
        var difference = given.count ^ token.count
        for index in 0..<given.count {
            let expected = token.isEmpty ? 0 : token[index % token.count]
            difference |= Int(given[index] ^ expected)
        }
        return difference == 0
    }
}

extension Refusal {
    /// A refusal as an error.
    package struct Failure: Error, Hashable, Sendable {
        /// What the peer is told.
        package var refusal: Refusal

        /// An error that carries this refusal.
        package init(_ code: Code, _ sentence: String) { refusal = Refusal(code, sentence) }
    }
}
