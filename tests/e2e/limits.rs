//! Who is slow, idle or one too many.

use std::time::Duration;

use anyhow::Result;
use simulator::Model;
use tests::{World, WorldOptions, answer, client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn impatient() -> Result<World> {
    World::start_with(WorldOptions {
        configure: |config| {
            config.devices.handshake_seconds = 1;
            config.devices.headers_seconds = 1;
            config.devices.body_seconds = 1;
            config.devices.idle_seconds = 1;
        },
        ..WorldOptions::default()
    })
    .await
}

/// Writes something and reads until the server has had enough.
async fn until_closed(address: std::net::SocketAddr, text: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(text.as_bytes()).await?;
    let mut reply = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut reply)).await;
    anyhow::ensure!(closed.is_ok(), "the connection was never closed after {text:?}");
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_handshakes_headers_and_bodies_and_idle_connections_end() -> Result<()> {
    let world = impatient().await?;
    let (devices, operators) = (world.config.devices.listen, world.config.operators.listen);
    let begin = "POST /api/v1/links HTTP/1.1\r\nHost: localhost\r\n";
    let body = format!(
        "{begin}Authorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{{",
        world.token
    );
    let whole = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (silent, half, headers, slow, idle) = tokio::join!(
        until_closed(devices, ""),
        until_closed(devices, "\x16\x03\x01"),
        until_closed(operators, begin),
        until_closed(operators, &body),
        until_closed(operators, whole),
    );
    silent?;
    half?;
    let headers = headers?;
    assert!(headers.is_empty() || headers.starts_with("HTTP/1.1 4"), "{headers}");
    let slow = slow?;
    assert!(slow.is_empty() || slow.starts_with("HTTP/1.1 503") || slow.starts_with("HTTP/1.1 4"), "{slow}");
    assert!(idle?.starts_with("HTTP/1.1 200"));
    let ipad = world.settled(Model::IPad, 1).await?;
    assert!(ipad.snapshot().enrolled, "who is quick is served");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_to_come_back_later() -> Result<()> {
    let world = World::start_with(WorldOptions {
        configure: |config| config.devices.connections_per_address = 3,
        ..WorldOptions::default()
    })
    .await?;
    let url = format!("{}/mdm", world.door());
    let mut held = Vec::new();
    for _ in 0..3 {
        let http = client(&world)?.build()?;
        assert_eq!(answer(http.get(&url)).await?.status, 200);
        held.push(http);
    }
    let late = answer(client(&world)?.build()?.get(&url)).await?;
    assert_eq!(late.status, 503);
    let seconds = late.retry_after.as_deref().and_then(|text| text.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "{late:?}");
    drop(held);
    crate::support::until("a place is free", async || {
        Ok(answer(client(&world)?.build()?.get(&url)).await?.status == 200)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_with_too_many_connections_does_not_shut_out_the_others() -> Result<()> {
    let world = World::start_with(WorldOptions {
        configure: |config| config.devices.connections_per_device = 1,
        ..WorldOptions::default()
    })
    .await?;
    let greedy = tests::RawDevice::enrolled(&world, "00008120-0000000000000DD1").await?;
    let replies = futures_of(&greedy).await?;
    assert!(replies.iter().all(|status| [200, 503].contains(status)), "{replies:?}");
    let other = world.settled(Model::IPad, 2).await?;
    assert!(other.poll().await?.complete);
    Ok(())
}

async fn futures_of(device: &tests::RawDevice) -> Result<Vec<u16>> {
    let (a, b, c, d) = tokio::join!(device.idle(), device.idle(), device.idle(), device.idle());
    Ok(vec![a?.status, b?.status, c?.status, d?.status])
}
