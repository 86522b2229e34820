// swift-tools-version: 6.2
// The package: one library product, Reactor; the benchmark and the examples stay undeclared
// as products, so that depending on Reactor fetches nothing they need.

import PackageDescription

let settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "Reactor",
    platforms: [.macOS("26.0")],
    products: [.library(name: "Reactor", targets: ["Reactor"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", .upToNextMinor(from: "1.16.2")),
        .package(url: "https://github.com/apple/swift-collections", .upToNextMinor(from: "1.6.0")),
    ],
    targets: [
        .systemLibrary(
            name: "CUV", pkgConfig: "libuv",
            providers: [.apt(["libuv1-dev"]), .brew(["libuv"])]),
        .target(name: "CReactor"),
        .target(
            name: "Reactor",
            dependencies: [
                "CUV", "CReactor",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: settings),
        .target(name: "CBaseline", dependencies: ["CUV"]),
        .executableTarget(name: "bench", dependencies: ["Reactor", "CBaseline"]),
        .executableTarget(
            name: "RunFromMain", dependencies: ["Reactor"], path: "Tests/Fixtures/RunFromMain",
            swiftSettings: settings),
        .executableTarget(
            name: "RunFromAtMain", dependencies: ["Reactor"], path: "Tests/Fixtures/RunFromAtMain",
            swiftSettings: settings),
        .testTarget(
            name: "ReactorTests",
            dependencies: ["Reactor", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings),
    ]
)
