//! Tests of cookies: nothing opens but what was sealed, in its time, by a key that is known.

use super::*;

const NOW: u64 = 1_800_000_000;

fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(second)
}

fn login(key: u8, previous: Option<u8>) -> Login {
    let of = |byte| Key::new([byte; 32]);
    Login { key: of(key), previous: previous.map(of), lifetime: Duration::from_secs(8 * 3600) }
}

fn token() -> Token {
    Token::new("header.claims.signature").unwrap()
}

#[test]
fn a_cookie_opens_until_it_ends() {
    let login = login(1, None);
    let sealed = login.seal(&token(), at(NOW), None).unwrap();
    assert_eq!(sealed.expires, at(NOW + 8 * 3600));
    let opened = login.open(&sealed.value, at(NOW + 8 * 3600 - 1)).unwrap();
    assert_eq!(opened, Opened { token: token(), expires: sealed.expires });
    assert_eq!(login.open(&sealed.value, at(NOW + 8 * 3600)), None);
    let short = login.seal(&token(), at(NOW), Some(at(NOW + 60))).unwrap();
    assert_eq!(short.expires, at(NOW + 60));
    assert!(login.open(&short.value, at(NOW + 59)).is_some());
    assert_eq!(login.open(&short.value, at(NOW + 60)), None);
}

#[test]
fn a_shorter_lifetime_ends_earlier_cookies() {
    let mut login = login(1, None);
    let sealed = login.seal(&token(), at(NOW), None).unwrap();
    login.lifetime = Duration::from_secs(300);
    assert!(login.open(&sealed.value, at(NOW + 299)).is_some());
    assert_eq!(login.open(&sealed.value, at(NOW + 300)), None);
}

#[test]
fn both_keys_open_and_the_new_one_seals() {
    let old = login(1, None).seal(&token(), at(NOW), None).unwrap();
    let rotated = login(2, Some(1));
    assert!(rotated.open(&old.value, at(NOW)).is_some());
    let new = rotated.seal(&token(), at(NOW), None).unwrap();
    assert!(login(2, None).open(&new.value, at(NOW)).is_some());
    assert_eq!(login(1, None).open(&new.value, at(NOW)), None);
    assert_eq!(login(2, None).open(&old.value, at(NOW)), None);
}

#[test]
fn no_flipped_bit_opens() {
    let login = login(1, Some(2));
    let sealed = login.seal(&token(), at(NOW), None).unwrap().value;
    let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(login.open(&URL_SAFE_NO_PAD.encode(flipped), at(NOW)), None, "bit {bit}");
    }
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone().into_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(text) = String::from_utf8(flipped) {
            assert_eq!(login.open(&text, at(NOW)), None, "bit {bit} of the text");
        }
    }
    for length in 0..sealed.len() {
        assert_eq!(login.open(&sealed[..length], at(NOW)), None, "{length} characters");
    }
    for wrong in [format!("{sealed}A"), format!("{sealed}=="), format!(" {sealed}"), String::new(), "A".repeat(9_000)] {
        assert_eq!(login.open(&wrong, at(NOW)), None);
    }
}

#[test]
fn other_versions_and_methods_do_not_open() {
    let login = login(1, None);
    let seal = |version: u8, method: u8| {
        let mut head = head(&login.key);
        head[0] = version;
        let mut body = vec![method];
        body.extend(NOW.to_be_bytes());
        body.extend((NOW + 60).to_be_bytes());
        body.extend(b"token");
        let nonce = Nonce::assume_unique_for_key([7; NONCE_LEN]);
        aead(&login.key).unwrap().seal_in_place_append_tag(nonce, Aad::from(&head), &mut body).unwrap();
        URL_SAFE_NO_PAD.encode([&head[..], &[7; NONCE_LEN], &body].concat())
    };
    assert!(login.open(&seal(VERSION, TOKEN), at(NOW)).is_some());
    assert_eq!(login.open(&seal(VERSION + 1, TOKEN), at(NOW)), None);
    assert_eq!(login.open(&seal(VERSION, TOKEN + 1), at(NOW)), None);
}

#[test]
fn a_cookie_fits_into_a_browser_and_shows_nothing() {
    let login = login(1, None);
    let seal = |length: usize| login.seal(&Token::new(&"x".repeat(length)).unwrap(), at(NOW), None);
    let longest = seal(MAX_TOKEN).unwrap();
    assert!(longest.value.len() + "__Host-ray-history=".len() <= 4_096, "{} bytes", longest.value.len());
    assert_eq!(seal(MAX_TOKEN + 1), Err(TooLarge));
    let (one, other) = (seal(100).unwrap(), seal(100).unwrap());
    assert_ne!(one.value, other.value);
    assert!(!format!("{one:?} {login:?}").contains(&one.value));
    assert!(!format!("{login:?}").contains('1'.to_string().repeat(4).as_str()));
}
