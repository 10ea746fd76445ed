use proptest::prelude::*;

use super::*;

fn signer() -> Signer {
    Signer::from_seed("vaultscope/test", &[7; 32]).unwrap()
}

/// The note and the verifier key of the documentation of Go's `note` package: another program signed it.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
                       then you don't know what your problem is.\n\
                       \n\
                       \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn a_note_of_another_program_is_verified() {
    let key: Verifier = GO_KEY.parse().unwrap();
    assert_eq!(key.to_string(), GO_KEY);
    let text = key.open(GO_NOTE).unwrap();
    assert!(text.starts_with("If you think") && text.ends_with("problem is.\n"), "{text}");
}

/// RFC 8032, section 7.1, test 1: the key pair of this seed.
#[test]
fn the_public_key_is_the_one_of_rfc_8032() {
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let seed: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&seed[2 * i..2 * i + 2], 16).unwrap()).collect();
    let signer = Signer::from_seed("x", &seed.try_into().unwrap()).unwrap();
    assert_eq!(hex(signer.verifier().key()), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
}

#[test]
fn a_key_is_never_formatted_and_its_text_gives_it_back() {
    let (signer, text) = Signer::generate().unwrap();
    let secret = text.trim_end().rsplit('+').next().unwrap();
    assert!(!format!("{signer:?} {:#?} {}", signer, signer.verifier()).contains(secret));
    let again = Signer::from_text(&text).unwrap();
    assert_eq!(again.verifier(), signer.verifier());
    assert_ne!(Signer::generate().unwrap().0.verifier(), signer.verifier());
    for cut in 0..text.len() - 1 {
        assert!(Signer::from_text(&text[..cut]).is_none(), "cut at {cut}");
    }
}

#[test]
fn another_key_of_the_same_name_is_told_apart() {
    let note = signer().note("a\n");
    let other = Signer::from_seed("vaultscope/test", &[8; 32]).unwrap();
    assert_eq!(other.verifier().open(&note), Err(SigningError::NotSigned("vaultscope/test".into())));
}

#[test]
fn what_is_no_note_is_refused() {
    for wrong in [
        "",
        "\n",
        "a",
        "a\n\n",
        "a\n\nb\n",
        "a\n\n\u{2014} x\n",
        "a\n\n\u{2014} x AAAA",
        "a\t\n\n\u{2014} x AAAAAA==\n",
    ] {
        assert_eq!(Note::parse(wrong), Err(SigningError::NotANote), "{wrong:?}");
    }
    assert!(Note::parse("a\n\n\u{2014} x AAAAAA==\n").is_ok());
}

proptest! {
    #[test]
    fn a_note_opens_to_its_text_and_not_after_any_change(
        lines in prop::collection::vec("[ -~é漢]{0,40}", 1..6), at in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let text = lines.iter().fold(String::new(), |text, line| text + line + "\n");
        let signer = signer();
        let note = signer.note(&text);
        prop_assert_eq!(signer.verifier().open(&note), Ok(text.as_str()));
        let mut bytes = note.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(changed) = std::str::from_utf8(&bytes) {
            prop_assert!(signer.verifier().open(changed).is_err(), "{}", changed);
        }
    }
}
